import { compose } from '@hitbox/composition'
import { brotli } from '@hitbox/compressors/brotli'
import { type CacheBackend, cacheValue, type CacheValue } from '@hitbox/core'
import { cbor } from '@hitbox/formats'
import { memoryBackend } from '@hitbox/memory'
import { cluster, redisBackend } from '@hitbox/redis'
import { createCache, defineCache } from 'hitbox'

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

const app = defineCache(
  {
    user: {
      ttl: '10m',
      tags: (id: number) => [`user:${id}`, 'users'] as const,
      load: async (id: number, { signal }): Promise<User> => ({ id, name: String(signal.aborted) }),
    },
    settings: { load: () => ({ dark: true }) },
  },
  createCache({ ttl: '1m' }),
)
export const found: Promise<User> = app.user(1)
export const dark: Promise<{ dark: boolean }> = app.settings()
void app.invalidateTags('users', 'user:1')
// @ts-expect-error no definition has this tag
void app.invalidateTags('user')
// @ts-expect-error an id is a number
void app.user('1')
// @ts-expect-error the functions of a definition take the same input
defineCache({ user: { ttl: '1m', tags: (id: string) => [id], load: (id: number) => id } })

// @ts-expect-error a bound is required
memoryBackend({})
// @ts-expect-error a bare number has no unit
redisBackend({ connection: cluster([]), responseTimeout: 300 })
