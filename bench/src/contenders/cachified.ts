import {
  type Cache,
  type CacheEntry,
  cachified,
  type CachifiedOptions,
  totalTtl,
} from '@epic-web/cachified'
import { LRUCache } from 'lru-cache'
import type { Contender, Row } from '../contender.ts'

/** As its README does it. */
function overLru(max: number): Cache {
  const lru = new LRUCache<string, CacheEntry>({ max })
  return {
    set: (key, value) => {
      const ttl = totalTtl(value.metadata)
      lru.set(key, value, {
        ...(ttl === Number.POSITIVE_INFINITY ? {} : { ttl }),
        start: value.metadata.createdTime,
      })
    },
    get: (key) => lru.get(key),
    delete: (key) => lru.delete(key),
  }
}

export const contenders: readonly Contender[] = [
  {
    name: 'cachified',
    packages: ['@epic-web/cachified', 'lru-cache'],
    about: 'over lru-cache, as in its README',
    refreshesBehind: true,
    settings: {
      memory: ({ maxEntries, ttlMs, staleAfterMs, load }) => {
        const cache = overLru(maxEntries)
        const lives: Pick<CachifiedOptions<Row>, 'ttl' | 'swr'> = staleAfterMs === undefined
          ? { ttl: ttlMs }
          : { ttl: staleAfterMs, swr: ttlMs - staleAfterMs }
        return {
          getOrLoad: (key) =>
            cachified<Row>({ key, cache, ...lives, getFreshValue: () => load(key) }),
          close: () => {},
        }
      },
    },
  },
]
