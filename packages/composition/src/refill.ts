import { chain, isPromise, type MaybePromise } from '@hitbox/core'
import type { Item, TierSet } from './tier-set.ts'

/** A value found below, and the tiers above that lacked it. */
export interface Fill extends Item {
  /** What the guard gave before the tier was asked that had the value. */
  readonly ticket: number
  /** One bit per tier: set for those that are to get a copy. */
  readonly lacking: number
}

/**
 * Copies values up: the one way into an upper tier for anything but a change, so the guard is asked about each copy in the
 * turn in which it is made. Never fails and never waits: tiers that answer at once are filled at once, the others behind
 * the answer, by the offload.
 *
 * @returns whether a copy was made or is on its way.
 */
export function refill(set: TierSet, fills: readonly Fill[], single: boolean): boolean {
  if (!set.refills) return false
  let begun = false
  const slow: number[] = []
  for (let tier = 0; tier < set.lowest; tier += 1) {
    if (!fills.some((fill) => lacks(fill, tier))) continue
    if (set.slowToFill(tier)) slow.push(tier)
    else begun = copy(set, tier, fills, single) !== false || begun
  }
  return (slow.length > 0 && refillLater(set, slow, fills, single)) || begun
}

function refillLater(
  set: TierSet,
  tiers: readonly number[],
  fills: readonly Fill[],
  single: boolean,
): boolean {
  return set.later({
    kind: 'refill',
    key: single ? fills[0]?.text : undefined,
    run: async () => {
      await Promise.all(tiers.map(async (tier) => copy(set, tier, fills, single)))
    },
  })
}

/** @returns whether a copy was made, or a promise when one is being made. */
function copy(
  set: TierSet,
  tier: number,
  fills: readonly Fill[],
  single: boolean,
): MaybePromise<boolean> {
  const allowed = fills.filter((fill) => lacks(fill, tier) && isAllowed(set, tier, fill))
  const [first] = allowed
  if (first === undefined) return false
  if (single) {
    const failure = set.put(tier, first.text, first.value, 'refill')
    set.noteFill(tier, isPromise(failure))
    return chain(failure, (lost) => {
      if (lost === undefined) set.tally.refilled(tier, first.text, true)
      return lost === undefined
    })
  }
  const answer = set.write(tier, allowed, false, 'refill')
  set.noteFill(tier, isPromise(answer))
  return chain(answer, (results) => {
    const done = allowed.filter((_, index) => results[index]?.ok === true)
    for (const { text } of done) set.tally.refilled(tier, text, true)
    return done.length > 0
  })
}

function isAllowed(set: TierSet, tier: number, { text, ticket }: Fill): boolean {
  if (set.guard.mayFill(text, ticket)) return true
  set.tally.refilled(tier, text, false)
  return false
}

function lacks(fill: Fill, tier: number): boolean {
  return (fill.lacking & (1 << tier)) !== 0
}
