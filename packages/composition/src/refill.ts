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
  const allowed: Fill[] = []
  for (const fill of fills) {
    if (!lacks(fill, tier)) continue
    if (set.guard.mayFill(fill.text, fill.ticket)) allowed.push(fill)
    else set.tally.refilled(tier, fill.text, false)
  }
  if (allowed.length === 0) return false
  const answer = set.write(tier, allowed, single, 'refill')
  set.noteFill(tier, isPromise(answer))
  return chain(answer, (results) => {
    let done = false
    for (let index = 0; index < allowed.length; index += 1) {
      if (results[index]?.ok !== true) continue
      done = true
      set.tally.refilled(tier, (allowed[index] as Fill).text, true)
    }
    return done
  })
}

function lacks(fill: Fill, tier: number): boolean {
  return (fill.lacking & (1 << tier)) !== 0
}
