import type { Bounds, Eviction } from './eviction.ts'
import { LeastRecentlyUsed } from './lru.ts'
import { S3Fifo } from './s3-fifo.ts'
import { Sieve } from './sieve.ts'
import type { Slots } from './slots.ts'

/** Which entry goes when room is needed. */
export type EvictionPolicy = 'lru' | 'sieve' | 's3-fifo'

export const EVICTION_POLICIES: readonly EvictionPolicy[] = ['lru', 'sieve', 's3-fifo']

export function evictionFor(policy: EvictionPolicy, slots: Slots, bounds: Bounds): Eviction {
  if (policy === 'lru') return new LeastRecentlyUsed(slots)
  return policy === 'sieve' ? new Sieve(slots) : new S3Fifo(slots, bounds)
}
