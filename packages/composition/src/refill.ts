import { chain, isPromise, type MaybePromise } from '@hitbox/core'
import type { Item, TierSet } from './tier-set.ts'

/** A value found below, and the tiers above that lacked it. */
export interface Fill extends Item {
  /** What the guard gave before the tier was asked that had the value. */
  readonly ticket: number
  /** One bit per tier: set for those that are to get a copy. */
  readonly lacking: number
  /** When that tier was asked, where it matters. */
  readonly askedAt: number | undefined
  /** Whether a copy was made or is on its way. */
  begun: boolean
}

/**
 * Copies values up: the one way into an upper tier for anything but a change, so the guard is asked about each copy in the
 * turn in which it is made. Never fails and never waits: tiers that answer at once are filled at once, the others behind
 * the answer, by the offload. Notes of each fill whether it has begun.
 */
export function refill(set: TierSet, fills: readonly Fill[], single: boolean): void {
  if (!set.refills) return
  const slow: number[] = []
  for (let tier = 0; tier < set.lowest; tier += 1) {
    if (!fills.some((fill) => lacks(fill, tier))) continue
    if (set.slowToFill(tier)) slow.push(tier)
    else void copy(set, tier, fills, single)
  }
  if (slow.length > 0) refillLater(set, slow, fills, single)
}

function refillLater(
  set: TierSet,
  tiers: readonly number[],
  fills: readonly Fill[],
  single: boolean,
): void {
  const registered = set.later({
    kind: 'refill',
    key: single ? fills[0]?.text : undefined,
    run: async () => {
      await Promise.all(tiers.map(async (tier) => copy(set, tier, fills, single)))
    },
  })
  if (!registered) return
  for (const fill of fills) if (tiers.some((tier) => lacks(fill, tier))) fill.begun = true
}

function copy(
  set: TierSet,
  tier: number,
  fills: readonly Fill[],
  single: boolean,
): MaybePromise<void> {
  const allowed = fills.filter((fill) => lacks(fill, tier) && isAllowed(set, tier, fill))
  const [first] = allowed
  if (first === undefined) return undefined
  if (single) {
    const failure = set.put(tier, first.text, first.value, 'refill', first.askedAt)
    noteBegun(set, tier, failure, allowed)
    return chain(failure, (lost) => {
      if (lost === undefined) done(set, tier, first)
    })
  }
  const answer = set.write(tier, allowed, false, 'refill', first.askedAt)
  noteBegun(set, tier, answer, allowed)
  return chain(answer, (results) => {
    for (let index = 0; index < allowed.length; index += 1) {
      if (results[index]?.ok === true) done(set, tier, allowed[index] as Fill)
    }
  })
}

/** Of an answer that is still to come it is known only that the copies are on their way. */
function noteBegun(set: TierSet, tier: number, answer: unknown, fills: readonly Fill[]): void {
  const slow = isPromise(answer)
  set.noteFill(tier, slow)
  if (slow) for (const fill of fills) fill.begun = true
}

function done(set: TierSet, tier: number, fill: Fill): void {
  fill.begun = true
  set.tally.refilled(tier, fill.text, true)
}

function isAllowed(set: TierSet, tier: number, { text, ticket }: Fill): boolean {
  if (set.guard.mayFill(text, ticket)) return true
  set.tally.refilled(tier, text, false)
  return false
}

function lacks(fill: Fill, tier: number): boolean {
  return (fill.lacking & (1 << tier)) !== 0
}
