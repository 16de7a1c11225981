import {
  chain,
  failed,
  isPromise,
  type ItemResult,
  type MaybePromise,
  succeeded,
} from '@hitbox/core'
import type { LoserPolicy } from '../compose-options.ts'
import { together } from '../together.ts'
import type { Writing } from './writing.ts'

type Results = ItemResult<unknown>[]

/** Every tier at once, and waits for all: one success is enough. */
export function writeOptimistic(writing: Writing): MaybePromise<ItemResult<void>[]> {
  const asked = writing.set.tiers.map((_, tier) => writing.write(tier, writing.all))
  return chain(together(asked), (byTier) =>
    chain(tidy(writing, byTier), () => outcomes(writing, byTier)),
  )
}

/**
 * Every tier at once: answers when for each key some tier has taken it, or all have failed.
 *
 * @param settled - Called when every tier has answered and the slower ones are in line, at the latest then.
 */
export function writeRace(
  writing: Writing,
  losers: LoserPolicy,
  settled: () => void,
): MaybePromise<ItemResult<void>[]> {
  const { set, all } = writing
  const byTier: (Results | undefined)[] = []
  const running = new Set<Promise<void>>()
  for (let tier = 0; tier <= set.lowest; tier += 1) {
    const asked = writing.write(tier, all)
    if (!isPromise(asked)) {
      byTier[tier] = asked
      continue
    }
    const run: Promise<void> = asked.then((results) => {
      byTier[tier] = results
      running.delete(run)
    })
    running.add(run)
  }
  const taken = (): boolean =>
    all.every((position) => byTier.some((results) => results?.[position]?.ok === true))
  const rest = [...running]
  const tidied = chain(together(rest), () => chain(tidy(writing, byTier as Results[]), settled))
  if (!isPromise(tidied)) return outcomes(writing, byTier as Results[])
  const won = (): ItemResult<void>[] => {
    if (losers === 'offload') set.later({ kind: 'race-write-loser', run: () => tidied })
    return all.map(() => succeeded(undefined))
  }
  if (taken()) return won()
  return new Promise((resolve) => {
    let over = false
    for (const run of rest) {
      void run.then(() => {
        // With nobody left to wait for, the upper tiers are brought in line before the answer.
        if (over || running.size === 0 || !taken()) return
        over = true
        resolve(won())
      })
    }
    void tidied.then(() => {
      if (!over) resolve(outcomes(writing, byTier as Results[]))
    })
  })
}

/**
 * Brings upper tiers in line when all have answered: one that failed drops the key, and so does one beside whose write
 * another change of the key ran. A value that only an upper tier took stays there, since it was acknowledged; unless others change the lowest
 * tier too, as nobody would be told when it is over.
 */
function tidy(writing: Writing, byTier: readonly Results[]): MaybePromise<unknown> {
  const { lowest, copies } = writing.set
  const drops: MaybePromise<Results>[] = []
  for (let tier = 0; tier < lowest; tier += 1) {
    const doubtful = writing.all.filter((position) => {
      if (byTier[tier]?.[position]?.ok !== true) return true
      const below = byTier[lowest]?.[position]?.ok === true
      return below ? writing.contended(position) : copies.coherence !== undefined
    })
    drops.push(writing.drop(tier, doubtful))
  }
  return together(drops)
}

function outcomes(writing: Writing, byTier: readonly Results[]): ItemResult<void>[] {
  return writing.all.map((position) => {
    const results = byTier.map((tier) => tier[position] as ItemResult<unknown>)
    if (results.some((result) => result.ok)) return succeeded(undefined)
    const errors = results.map((result) => (result.ok ? undefined : result.error))
    return failed(writing.set.tally.allFailed('write', errors))
  })
}
