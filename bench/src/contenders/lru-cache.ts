import { LRUCache } from 'lru-cache'
import type { Contender, Row } from '../contender.ts'

export const contenders: readonly Contender[] = [
  {
    name: 'lru-cache',
    packages: ['lru-cache'],
    about: 'with a ttl; getOrLoad by hand: what is there, or the loader',
    bare: true,
    settings: {
      memory: ({ maxEntries, ttlMs, load }) => {
        const lru = new LRUCache<string, Row>({ max: maxEntries, ttl: ttlMs })
        return {
          peek: (key) => lru.get(key),
          get: (key) => lru.get(key),
          getOrLoad: (key) => lru.get(key) ?? load(key),
          set: (key, value) => lru.set(key, value),
          close: () => lru.clear(),
        }
      },
    },
  },
  {
    name: 'lru-cache, fetch',
    packages: ['lru-cache'],
    about: 'fetchMethod, allowStale: one load per key, refreshes behind',
    refreshesBehind: true,
    settings: {
      memory: ({ maxEntries, ttlMs, staleAfterMs, load }) => {
        const lru = new LRUCache<string, Row>({
          max: maxEntries,
          ttl: staleAfterMs ?? ttlMs,
          allowStale: staleAfterMs !== undefined,
          fetchMethod: load,
        })
        return {
          getOrLoad: (key) => lru.fetch(key),
          set: (key, value) => lru.set(key, value),
          close: () => lru.clear(),
        }
      },
    },
  },
]
