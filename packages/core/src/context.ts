import type { MissReason } from './miss-reason.ts'

/**
 * How one call was answered, in the words of RFC 9211. A caller who wants to know makes one with {@link createContext}
 * and passes it along; a call without one builds nothing.
 */
export interface Context {
  /** `hit` and `stale`: a tier had it. `forward`: none did. */
  status: 'hit' | 'stale' | 'forward'
  /** Path of the tier that answered, for example `'tiers.memory'`; `'upstream'` when none did. */
  source: string
  /** Why the last tier asked did not have it. */
  missReason: MissReason | undefined
  /** How long the value may still be served, in ms; `Infinity` for ever. */
  ttlMs: number | undefined
  /** Size of the stored entry, in bytes; `undefined` for tiers that keep values as they are. */
  bytes: number | undefined
  /** Format of the stored value and, behind a `+`, what compressed it, for example `cbor+gzip`; `undefined` likewise. */
  format: string | undefined
  /** Whether the answer was copied into tiers above the one it came from. */
  refilled: boolean
  /** What tiers failed on the way to this answer. */
  failures: unknown[]
}

/** A context that nothing has been told yet: forwarded, from upstream. One per call: tiers write into it. */
export function createContext(): Context {
  return {
    status: 'forward',
    source: 'upstream',
    missReason: undefined,
    ttlMs: undefined,
    bytes: undefined,
    format: undefined,
    refilled: false,
    failures: [],
  }
}
