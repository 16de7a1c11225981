import { chain, failed, type ItemResult, type MaybePromise, succeeded } from '@hitbox/core'
import { together } from '../together.ts'
import type { Writing } from './writing.ts'

type Results = ItemResult<unknown>[]

/**
 * The lowest tier first, then those above it. Where the lowest failed, or another change of the key ran beside this one,
 * the tiers above drop the key instead of taking the value.
 */
export function writeThrough(writing: Writing): MaybePromise<ItemResult<void>[]> {
  const { set, all } = writing
  return chain(writing.write(set.lowest, all), (lowest) => {
    const uppers = set.tiers.slice(0, -1).map((_, tier) => bringInLine(writing, tier, lowest))
    return chain(together(uppers), (byTier) =>
      all.map((position) => {
        const lost = [lowest, ...byTier]
          .map((results) => results[position])
          .find((result) => result?.ok === false)
        return lost?.ok === false ? failed(lost.error) : succeeded(undefined)
      }),
    )
  })
}

/** @returns by position, whether this upper tier certainly holds the new value or nothing. */
function bringInLine(writing: Writing, tier: number, lowest: Results): MaybePromise<Results> {
  const keep = (position: number): boolean =>
    lowest[position]?.ok === true && !writing.contended(position)
  const kept = writing.all.filter(keep)
  const rest = writing.all.filter((position) => !keep(position))
  return chain(
    together([writing.write(tier, kept), writing.drop(tier, rest)]),
    ([wrote, dropped]) => {
      const outcome: Results = writing.all.map(() => succeeded(undefined))
      place(outcome, rest, dropped as Results)
      // A write that failed may have left the old value. One that another change overtook needs nothing here: that change
      // drops the key, and its drop comes after this write.
      const doubtful = kept.filter((_, index) => wrote?.[index]?.ok !== true)
      return chain(writing.drop(tier, doubtful), (gone) => {
        place(outcome, doubtful, gone)
        return outcome
      })
    },
  )
}

function place(outcome: Results, positions: readonly number[], results: Results): void {
  for (let index = 0; index < positions.length; index += 1) {
    outcome[positions[index] as number] = results[index] as Results[number]
  }
}
