import { cacheValue, forever } from '@hitbox/core'
import { memoryBackend, type MemoryBackendOptions } from '@hitbox/memory'
import { LRUCache } from 'lru-cache'
import { optimalHits } from './optimum.ts'
import type { Trace } from './trace.ts'

type Eviction = NonNullable<MemoryBackendOptions['eviction']>

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

function memoryHits(trace: Trace, capacity: number, eviction: Eviction): number {
  const memory = memoryBackend({ maxEntries: capacity, eviction })
  const stored = cacheValue(true, { ttl: forever })
  const keys = keyTexts(trace)
  let hits = 0
  for (const id of trace.requests) {
    const key = keys[id] as string
    if (memory.get(key) === undefined) memory.set(key, stored)
    else hits += 1
  }
  void memory.close()
  return hits
}

function lruCacheHits(trace: Trace, capacity: number): number {
  const cache = new LRUCache<string, true>({ max: capacity })
  const keys = keyTexts(trace)
  let hits = 0
  for (const id of trace.requests) {
    const key = keys[id] as string
    if (cache.get(key) === undefined) cache.set(key, true)
    else hits += 1
  }
  return hits
}

function keyTexts({ unique }: Trace): readonly string[] {
  return Array.from({ length: unique }, (_, id) => `key:${id}`)
}
