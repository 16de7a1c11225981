import { LRUCache } from 'lru-cache'
import type { Contender, Row } from '../contender.ts'
import { bareRedis } from '../inputs/bare-redis.ts'

/** What one writes without a library: the least that does the same, and asks the source when Redis fails. No bound of time, no events, no coherence. */
function flights(load: (key: string) => Promise<Row>) {
  const under = new Map<string, Promise<Row>>()
  return (key: string): Promise<Row> => {
    const flight = under.get(key) ?? load(key).finally(() => under.delete(key))
    under.set(key, flight)
    return flight
  }
}

export const contenders: readonly Contender[] = [
  {
    name: 'by hand',
    packages: ['lru-cache', '@redis/client'],
    about:
      'lru-cache, a map of loads under way, and node-redis with JSON below, its command timeout off',
    bare: true,
    settings: {
      memory: ({ maxEntries, ttlMs, load }) => {
        const lru = new LRUCache<string, Row>({ max: maxEntries, ttl: ttlMs })
        const once = flights(async (key) => {
          const value = await load(key)
          lru.set(key, value)
          return value
        })
        return {
          getOrLoad: (key) => lru.get(key) ?? once(key),
          set: (key, value) => lru.set(key, value),
          close: () => lru.clear(),
        }
      },
      tiers: async ({ maxEntries, redisUrl, ttlMs, load }) => {
        const lru = new LRUCache<string, Row>({ max: maxEntries, ttl: ttlMs })
        const redis = await bareRedis(redisUrl)
        const below = async (key: string) => {
          const text = await redis.get(key).catch(() => null)
          if (text === null) return undefined
          const value = JSON.parse(text) as Row
          lru.set(key, value)
          return value
        }
        const store = (key: string, value: Row) => {
          lru.set(key, value)
          return redis.set(key, JSON.stringify(value), { PX: ttlMs })
        }
        const once = flights(async (key) => {
          const found = await below(key)
          if (found !== undefined) return found
          const value = await load(key)
          void store(key, value).catch(() => {})
          return value
        })
        return {
          get: (key) => lru.get(key) ?? below(key),
          getOrLoad: (key) => lru.get(key) ?? once(key),
          set: store,
          close: () => redis.destroy(),
        }
      },
    },
  },
]
