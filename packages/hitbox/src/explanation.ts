import type { MissReason } from '@hitbox/core'

/** What is known of one key. */
export interface Explanation {
  /** Text of the key. */
  readonly key: string
  /** From the uppermost. */
  readonly tiers: readonly TierExplanation[]
  /** Whether a load of it is under way, or its value on the way into the tiers. */
  readonly inFlight: boolean
  /** The last load, when it failed and that still counts. */
  readonly failure:
    | { readonly error: unknown; readonly inARow: number; readonly retryInMs: number }
    | undefined
}

/** What one tier has under a key. Lengths of time in ms, from now; `undefined` where the tier does not tell or has nothing. */
export interface TierExplanation {
  readonly source: string
  /** `kept`: past its `ttl`, for when loading fails. `invalidated`: there, but one of its tags or its namespace has changed. */
  readonly state: 'fresh' | 'stale' | 'kept' | 'invalidated' | 'missing' | 'failed'
  /** Why there is nothing. */
  readonly missReason: MissReason | undefined
  readonly error: unknown
  readonly ageMs: number | undefined
  readonly freshMs: number | undefined
  readonly usableMs: number | undefined
  readonly keptMs: number | undefined
  readonly loadMs: number | undefined
  /** Size as stored, in bytes; not told by tiers that keep values as they are. */
  readonly bytes: number | undefined
  /** Format and, behind a `+`, compressor, for example `cbor+gzip`. */
  readonly format: string | undefined
  readonly tags: readonly string[] | undefined
}
