import { cacheValue, forever } from '@hitbox/core'
import { type EvictionPolicy, memoryBackend } from '@hitbox/memory'
import { LRUCache } from 'lru-cache'
import { optimalHits } from './optimum.ts'
import type { Trace } from './trace.ts'

/** Counts the requests of a trace that a cache of a capacity answers, when each that it does not answer is put in. */
export type CountHits = (trace: Trace, capacity: number) => number

/** What evicts, by the name of its row. */
export const POLICIES: Readonly<Record<string, CountHits>> = {
  '@hitbox/memory, lru': (trace, capacity) => memoryHits(trace, capacity, 'lru'),
  '@hitbox/memory, sieve': (trace, capacity) => memoryHits(trace, capacity, 'sieve'),
  '@hitbox/memory, s3-fifo': (trace, capacity) => memoryHits(trace, capacity, 's3-fifo'),
  'lru-cache': lruCacheHits,
  optimum: optimalHits,
}

function memoryHits(trace: Trace, capacity: number, eviction: EvictionPolicy): number {
  const memory = memoryBackend({ maxEntries: capacity, eviction })
  const stored = cacheValue(true, { ttl: forever })
  const hits = played(trace, {
    has: (key) => memory.get(key) !== undefined,
    add: (key) => memory.set(key, stored),
  })
  void memory.close()
  return hits
}

function lruCacheHits(trace: Trace, capacity: number): number {
  const cache = new LRUCache<string, true>({ max: capacity })
  return played(trace, {
    has: (key) => cache.get(key) !== undefined,
    add: (key) => cache.set(key, true),
  })
}

interface Cache {
  /** A use of the key. */
  readonly has: (key: string) => boolean
  readonly add: (key: string) => unknown
}

function played({ requests, unique }: Trace, { has, add }: Cache): number {
  const keys = Array.from({ length: unique }, (_, id) => `key:${id}`)
  let hits = 0
  for (const id of requests) {
    const key = keys[id] as string
    if (has(key)) hits += 1
    else add(key)
  }
  return hits
}
