import { chain, failed, type ItemResult, type MaybePromise, succeeded } from '@hitbox/core'
import type { Writing } from './writing.ts'

/**
 * Upper tiers first, each next one only after the one before succeeded. What a lower tier failed to take, the upper
 * tiers drop again.
 */
export function writeInOrder(writing: Writing): MaybePromise<ItemResult<void>[]> {
  const outcome: ItemResult<void>[] = writing.all.map(() => succeeded(undefined))
  return chain(descend(writing, 0, outcome), () => {
    const doubtful = writing.all.filter(
      (position) => outcome[position]?.ok === false || writing.contended(position),
    )
    return chain(writing.dropAbove(doubtful), (dropped) =>
      outcome.map((result, position) => (result.ok ? (dropped[position] ?? result) : result)),
    )
  })
}

function descend(
  writing: Writing,
  tier: number,
  outcome: ItemResult<void>[],
): MaybePromise<undefined> {
  const { lowest } = writing.set
  if (tier > lowest) return undefined
  // A key that another change is at already goes to the lowest tier only: when that change is acknowledged first, a copy
  // of this value above would be the older one.
  const alive = writing.all.filter(
    (position) =>
      outcome[position]?.ok === true && (tier === lowest || !writing.contended(position)),
  )
  return chain(writing.write(tier, alive), (results) => {
    for (let index = 0; index < alive.length; index += 1) {
      const result = results[index]
      if (result?.ok === false) outcome[alive[index] as number] = failed(result.error)
    }
    return descend(writing, tier + 1, outcome)
  })
}
