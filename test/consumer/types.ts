import { compose } from '@hitbox/composition'
import { brotli } from '@hitbox/compressors/brotli'
import { type CacheBackend, cacheValue, type CacheValue } from '@hitbox/core'
import { cbor } from '@hitbox/formats'
import { memoryBackend } from '@hitbox/memory'
import { cluster, redisBackend } from '@hitbox/redis'

interface User {
  readonly id: number
  readonly name: string
}

export const tiers: CacheBackend = compose(
  memoryBackend({ maxEntries: 100 }),
  redisBackend({
    connection: cluster(['redis://127.0.0.1:7000'], { readFromReplicas: true }),
    valueFormat: cbor,
    compressor: brotli(),
    responseTimeout: '300ms',
  }),
)

export async function user(id: number): Promise<User | undefined> {
  const found: CacheValue<User> | undefined = await tiers.get<User>(['user', id])
  await tiers.set(['user', id], cacheValue({ id, name: 'Ada' }, { ttl: '10m' }))
  return found?.data
}

// @ts-expect-error a bound is required
memoryBackend({})
// @ts-expect-error a bare number has no unit
redisBackend({ connection: cluster([]), responseTimeout: 300 })
