/*
 * What the tables of the README say of a read, worked out by hand: no code of the package is asked.
 * Tiers are numbered from the uppermost, 0.
 */

export const OUTCOMES = ['fresh', 'stale', 'expired', 'miss', 'error', 'hang'] as const
/** What a tier does with the read; `fresh+` is fresh and lives a millisecond longer, `forever` has no end. */
export type Outcome = (typeof OUTCOMES)[number] | 'fresh+' | 'forever'

export interface Expected {
  readonly answer: 'hit' | 'miss' | 'failure' | 'pending'
  /** The tier whose value is the answer. */
  readonly from?: number
  readonly status?: 'hit' | 'stale'
  readonly asked: readonly number[]
  readonly refilled: readonly number[]
  readonly errors: number
  readonly losers?: boolean
}

const isLive = (outcome: Outcome): boolean => isFresh(outcome) || outcome === 'stale'
const isFresh = (outcome: Outcome): boolean =>
  outcome === 'fresh' || outcome === 'fresh+' || outcome === 'forever'
const lacks = (outcome: Outcome): boolean => outcome === 'miss' || outcome === 'expired'
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

/** Down the tiers, the first live copy wins; fresh ones are copied into the tiers passed that had none. */
export function sequentialRead(tiers: readonly Outcome[]): Expected {
  let errors = 0
  for (const [tier, outcome] of tiers.entries()) {
    const asked = upTo(tier + 1)
    if (outcome === 'error') errors += 1
    if (outcome === 'hang') return { answer: 'pending', asked, refilled: [], errors }
    if (!isLive(outcome)) continue
    const passed = upTo(tier).filter((above) => lacks(tiers[above]!))
    const refilled = isFresh(outcome) ? passed : []
    return hit(tier, outcome, asked, refilled, errors)
  }
  return nothing(tiers, upTo(tiers.length))
}

/** @param arrivals - The tiers in the order in which they answer; those that hang are passed over. */
export function raceRead(tiers: readonly Outcome[], arrivals: readonly number[]): Expected {
  const asked = upTo(tiers.length)
  const came: number[] = []
  // What fails after the race is over is told too.
  const errors = tiers.filter((outcome) => outcome === 'error').length
  for (const tier of arrivals) {
    const outcome = tiers[tier]!
    if (outcome === 'hang') continue
    came.push(tier)
    if (!isLive(outcome)) continue
    const known = came.filter((above) => above < tier && lacks(tiers[above]!))
    const refilled = isFresh(outcome) ? known.toSorted((a, b) => a - b) : []
    const losers = came.length < tiers.length
    return { ...hit(tier, outcome, asked, refilled, errors), losers }
  }
  if (tiers.includes('hang')) return { answer: 'pending', asked, refilled: [], errors }
  return nothing(tiers, asked)
}

const LIFE: Partial<Record<Outcome, number>> = {
  fresh: 60_000,
  'fresh+': 60_001,
  stale: 90_000,
  forever: Number.POSITIVE_INFINITY,
}

/** All are waited for: fresh before stale, then the longer life, then the upper tier. */
export function parallelRead(tiers: readonly Outcome[]): Expected {
  const asked = upTo(tiers.length)
  const errors = tiers.filter((outcome) => outcome === 'error').length
  if (tiers.includes('hang')) return { answer: 'pending', asked, refilled: [], errors }
  let best: number | undefined
  for (const tier of asked.filter((each) => isLive(tiers[each]!))) {
    if (best === undefined || beats(tiers[tier]!, tiers[best]!)) best = tier
  }
  if (best === undefined) return nothing(tiers, asked)
  const winner = tiers[best]!
  const refilled = isFresh(winner)
    ? upTo(best).filter((above) => lacks(tiers[above]!) || isLive(tiers[above]!))
    : []
  return hit(best, winner, asked, refilled, errors)
}

function beats(lower: Outcome, upper: Outcome): boolean {
  if (isFresh(lower) !== isFresh(upper)) return isFresh(lower)
  return LIFE[lower]! > LIFE[upper]!
}

function hit(
  from: number,
  outcome: Outcome,
  asked: readonly number[],
  refilled: readonly number[],
  errors: number,
): Expected {
  return {
    answer: 'hit',
    from,
    status: isFresh(outcome) ? 'hit' : 'stale',
    asked,
    refilled,
    errors,
  }
}

function nothing(tiers: readonly Outcome[], asked: readonly number[]): Expected {
  const errors = tiers.filter((outcome) => outcome === 'error').length
  const answer = errors === tiers.length ? 'failure' : 'miss'
  return { answer, asked, refilled: [], errors }
}
