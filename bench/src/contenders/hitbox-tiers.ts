import { cacheValue } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'
import type { Contender, Row } from '../contender.ts'

/** Our tiers by themselves, without the cache on top. */
export const contenders: readonly Contender[] = [
  {
    name: '@hitbox/memory',
    packages: ['@hitbox/memory'],
    about: 'the memory tier alone',
    settings: {
      memory: ({ maxEntries, ttlMs }) => {
        const memory = memoryBackend({ maxEntries })
        return {
          peek: (key) => memory.peek<Row>(key)?.data,
          get: (key) => memory.get<Row>(key)?.data,
          set: (key, value) => memory.set(key, cacheValue(value, { ttl: `${ttlMs}ms` })),
          close: () => memory.close(),
        }
      },
    },
  },
  {
    name: '@hitbox/redis',
    packages: ['@hitbox/redis'],
    about: 'the Redis tier alone; CBOR',
    settings: {
      redis: ({ redisUrl, ttlMs }) => {
        const redis = redisBackend({ connection: single(redisUrl) })
        return {
          get: async (key) => (await redis.get<Row>(key))?.data,
          getMany: async (keys) =>
            (await redis.getMany<Row>(keys)).map((item) =>
              item.ok ? item.value?.data : undefined,
            ),
          set: (key, value) => redis.set(key, cacheValue(value, { ttl: `${ttlMs}ms` })),
          close: () => redis.close(),
        }
      },
    },
  },
]
