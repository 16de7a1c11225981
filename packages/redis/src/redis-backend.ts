import { type CacheBackend, liftBackend } from '@hitbox/core'
import { storeOf } from './open-store.ts'
import { type RedisBackendOptions, resolveOptions } from './options.ts'

/**
 * Keeps values in Redis or Valkey, shared by every process that connects to it.
 *
 * Nothing is connected before the first operation, and nothing outlives `responseTimeout`: an operation on a server that stands
 * still, is gone or never answers fails with `TIMEOUT` or `BACKEND_FAILED`, and the first one after it has come back succeeds.
 *
 * @example
 * ```ts
 * import { cacheValue } from '@hitbox/core'
 * import { redisBackend, single } from '@hitbox/redis'
 *
 * const redis = redisBackend({ connection: single('redis://localhost:6379'), responseTimeout: '300ms' })
 * await redis.set('user:1', cacheValue({ name: 'Ada' }, { ttl: '10m', staleAfter: '1m' }))
 * console.log((await redis.get('user:1'))?.data) // { name: 'Ada' }
 * await redis.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option cannot be used.
 */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const resolved = resolveOptions(options)
  return liftBackend(storeOf(resolved), resolved.lift)
}
