import { invalidOption, knownOptions, wholeNumber } from '@hitbox/core'
import { checkEvent, type HistoryEvent, type HistoryRead } from './event.ts'
import { NewestByMoment } from './newest-by-moment.ts'
import { type Staleness, stalenessOf } from './staleness.ts'

/**
 * Which promise a read broke:
 * - `'strong'`: it gave something older than what had been acknowledged before it began.
 * - `'bounded'`: something older than what had been acknowledged more than `maxStaleMs` before it began.
 * - `'session'`: something older than what the same caller had seen of the key, or acknowledged to be there, before it began.
 */
export type HistoryRule = 'strong' | 'bounded' | 'session'

/** A read that broke a promise. */
export interface HistoryViolation {
  readonly rule: HistoryRule
  readonly read: HistoryRead
  /** The oldest version that would have been right. */
  readonly expected: number
  /** What demands it: an acknowledged invalidation, or for `'session'` also a read. */
  readonly demandedBy: HistoryEvent
  /**
   * How long what the read gave had been too old when it began: since the first event newer than it, less `maxStaleMs` when
   * the read is bounded and the rule is.
   */
  readonly lagMs: number
}

/** What {@link checkHistory} found. */
export interface HistoryReport {
  readonly reads: { readonly strong: number; readonly bounded: number }
  readonly invalidations: { readonly acknowledged: number; readonly unacknowledged: number }
  /** How many reads broke each rule. A read may break two. */
  readonly violated: Readonly<Record<HistoryRule, number>>
  /** The first of them, in the order of the history's reads. */
  readonly violations: readonly HistoryViolation[]
  /** Of bounded reads, whether or not they kept their bound. */
  readonly staleness: Staleness
}

/** Options of {@link checkHistory}. */
export interface CheckHistoryOptions {
  /** How many violations are kept; all are counted. @defaultValue 100 */
  readonly maxViolations?: number | undefined
}

/**
 * Judges what callers of a cache saw, whatever the cache: that an invalidation which was acknowledged is obeyed from then on.
 *
 * Each key's source must have versions that only grow, and each value must tell the version that it was made from. Events may
 * come in any order. What is recorded at the same moment counts as concurrent, so nothing is expected of it. Takes
 * O(n log n): about a second for a million events.
 *
 * @example
 * ```ts
 * import { checkHistory } from '@hitbox/testing'
 *
 * const call = { caller: 'a', key: 'user:1' }
 * const { violations } = checkHistory([
 *   { type: 'invalidate', ...call, startedAt: 1, endedAt: 2, version: 7, acknowledged: true },
 *   { type: 'read', ...call, startedAt: 3, endedAt: 4, version: 6, demand: 'strong' },
 * ])
 * console.log(violations.map(({ rule, expected }) => [rule, expected])) // strong and session, 7
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` for an event that cannot have happened or an option that cannot be used.
 */
export function checkHistory(
  history: Iterable<HistoryEvent>,
  options: CheckHistoryOptions = {},
): HistoryReport {
  knownOptions('checkHistory', options, ['maxViolations'])
  const max = wholeNumber('maxViolations', options.maxViolations ?? 100, { min: 0 })
  if (typeof history?.[Symbol.iterator] !== 'function')
    throw invalidOption('history', 'a list of events', history)
  const judge = new Judge(max)
  for (const event of history) judge.hear(event)
  return judge.verdict()
}

class Judge {
  readonly #maxViolations: number
  readonly #reads: HistoryRead[] = []
  /** What was acknowledged, by key. */
  readonly #acknowledged = new Map<string, NewestByMoment>()
  /** What each caller knows, by caller and key. */
  readonly #known = new Map<string, Map<string, NewestByMoment>>()
  readonly #counts = { strong: 0, bounded: 0, acknowledged: 0, unacknowledged: 0 }
  readonly #violated: Record<HistoryRule, number> = { strong: 0, bounded: 0, session: 0 }
  readonly #violations: HistoryViolation[] = []
  readonly #staleMs: number[] = []

  constructor(maxViolations: number) {
    this.#maxViolations = maxViolations
  }

  hear(event: HistoryEvent): void {
    checkEvent(event)
    if (event.type === 'read') {
      this.#counts[event.demand === 'strong' ? 'strong' : 'bounded'] += 1
      this.#reads.push(event)
    } else {
      this.#counts[event.acknowledged ? 'acknowledged' : 'unacknowledged'] += 1
      if (!event.acknowledged) return
      entry(this.#acknowledged, event.key, newTrack).add(event)
    }
    entry(entry(this.#known, event.caller, newMap), event.key, newTrack).add(event)
  }

  verdict(): HistoryReport {
    for (const read of this.#reads) this.#judge(read)
    const { strong, bounded, acknowledged, unacknowledged } = this.#counts
    return {
      reads: { strong, bounded },
      invalidations: { acknowledged, unacknowledged },
      violated: this.#violated,
      violations: this.#violations,
      staleness: stalenessOf(this.#staleMs),
    }
  }

  #judge(read: HistoryRead): void {
    const acknowledged = this.#acknowledged.get(read.key)
    const known = this.#known.get(read.caller)?.get(read.key)
    const bound = read.demand === 'strong' ? 0 : read.demand.maxStaleMs
    if (read.demand !== 'strong') this.#staleMs.push(outdatedMs(read, acknowledged))
    this.#require(read, read.demand === 'strong' ? 'strong' : 'bounded', acknowledged, bound)
    this.#require(read, 'session', known, 0)
  }

  #require(
    read: HistoryRead,
    rule: HistoryRule,
    track: NewestByMoment | undefined,
    boundMs: number,
  ): void {
    const demandedBy = track?.before(read.startedAt - boundMs)
    if (demandedBy === undefined || demandedBy.version <= read.version) return
    this.#violated[rule] += 1
    if (this.#violations.length >= this.#maxViolations) return
    const lagMs = outdatedMs(read, track) - boundMs
    this.#violations.push({ rule, read, expected: demandedBy.version, demandedBy, lagMs })
  }
}

/** For how long there had been something newer when the read began. */
function outdatedMs(read: HistoryRead, track: NewestByMoment | undefined): number {
  const newer = track?.firstNewerThan(read.version)
  return newer === undefined ? 0 : Math.max(0, read.startedAt - newer.endedAt)
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}

const newTrack = (): NewestByMoment => new NewestByMoment()
const newMap = (): Map<string, NewestByMoment> => new Map()
