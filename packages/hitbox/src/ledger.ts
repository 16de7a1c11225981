import type { BackendStats } from '@hitbox/core'

/** How a call ended, for the count: every call is exactly one of them. */
export type Outcome = 'hit' | 'stale' | 'miss' | 'bypass'

/**
 * Counted since the cache was made. A call is one `get`, one `getOrLoad`, one cached function's call, or one distinct key of a
 * batch; at rest `hits + stale + misses + bypasses` is `calls`. `peek`, `has` and `explain` are not calls.
 */
export interface CacheStats {
  readonly calls: number
  /** Answered with a fresh value. */
  readonly hits: number
  /** Answered with an old one. */
  readonly stale: number
  /** Neither: loaded, failed, or nothing there. */
  readonly misses: number
  /** Calls with `fresh: true`, which ask no tier. */
  readonly bypasses: number
  /** Of all calls, those answered by a load that another call began. */
  readonly collapsed: number
  /** Loads begun, behind callers too; one key of a batch is one. */
  readonly loads: number
  /** Of these, the ones that failed, and that ran into `hardTimeout`. */
  readonly loadErrors: number
  readonly loadTimeouts: number
  /** Ended because nobody waited any more. */
  readonly loadsAbandoned: number
  /** Loads begun behind a caller who got an old value, or early. */
  readonly refreshes: number
  /** Loaded values given to the tiers, and those that the tiers failed to take. */
  readonly stores: number
  readonly storeErrors: number
  /** Loaded values not stored because the key changed meanwhile. */
  readonly overtaken: number
  /** Reads in which a tier failed or was late. */
  readonly readErrors: number
  /** Entries that a schema refused. */
  readonly refused: number
  /** Entries found, and not served since one of their tags or their namespace was invalidated. */
  readonly invalidated: number
  /** Keys being loaded or stored now; 0 at rest. */
  readonly inFlight: number
  /** What the tiers count, from the uppermost. */
  readonly tiers: readonly ({ readonly label: string } & BackendStats)[]
}

/** The writable side of {@link CacheStats}. */
export class Ledger {
  /** Calls that were hits, found without a request. Counted by one number instead of two. */
  hitsAtOnce = 0
  /** The other calls. */
  calls = 0
  hits = 0
  stale = 0
  misses = 0
  bypasses = 0
  collapsed = 0
  loads = 0
  loadErrors = 0
  loadTimeouts = 0
  loadsAbandoned = 0
  refreshes = 0
  stores = 0
  storeErrors = 0
  overtaken = 0
  readErrors = 0
  refused = 0
  invalidated = 0

  count(outcome: Outcome): void {
    if (outcome === 'hit') this.hits += 1
    else if (outcome === 'stale') this.stale += 1
    else if (outcome === 'miss') this.misses += 1
    else this.bypasses += 1
  }

  snapshot(): Omit<CacheStats, 'inFlight' | 'tiers'> {
    const { hitsAtOnce, stale, misses, bypasses, collapsed } = this
    const { loads, loadErrors, loadTimeouts, loadsAbandoned, refreshes } = this
    const { stores, storeErrors, overtaken, readErrors, refused, invalidated } = this
    return {
      calls: this.calls + hitsAtOnce,
      hits: this.hits + hitsAtOnce,
      stale,
      misses,
      bypasses,
      collapsed,
      loads,
      loadErrors,
      loadTimeouts,
      loadsAbandoned,
      refreshes,
      stores,
      storeErrors,
      overtaken,
      readErrors,
      refused,
      invalidated,
    }
  }
}
