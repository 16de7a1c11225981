import type { Bounds, Eviction } from './eviction.ts'
import { LeastRecentlyUsed } from './lru.ts'
import { S3Fifo } from './s3-fifo.ts'
import { Sieve } from './sieve.ts'
import type { Slots } from './slots.ts'

export const EVICTION_POLICIES = ['lru', 'sieve', 's3-fifo'] as const

/** Which entry goes when room is needed. */
export type EvictionPolicy = (typeof EVICTION_POLICIES)[number]

export function evictionFor(policy: EvictionPolicy, slots: Slots, bounds: Bounds): Eviction {
  if (policy === 'lru') return new LeastRecentlyUsed(slots)
  return policy === 'sieve' ? new Sieve(slots) : new S3Fifo(slots, bounds)
}
