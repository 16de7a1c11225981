import { chain, isPromise, type MaybePromise } from '@hitbox/core'
import type { LoserPolicy } from '../compose-options.ts'
import { together } from '../together.ts'
import type { Lookup, Results } from './lookup.ts'

/** Upper tiers first; each next one is asked only for what is still missing. */
export function readInOrder<T>(lookup: Lookup<T>, tier = 0): MaybePromise<Results<T>> {
  if (tier > 0) lookup.beginFills()
  return chain(lookup.ask(tier), () =>
    lookup.complete || tier === lookup.set.lowest ? lookup.finish() : readInOrder(lookup, tier + 1),
  )
}

/** Every tier at once, and waits for all: the fresher answer wins. */
export function readParallel<T>(lookup: Lookup<T>): MaybePromise<Results<T>> {
  lookup.beginFills()
  const asked = lookup.set.tiers.map((_, tier) => lookup.ask(tier))
  return chain(together(asked), () => lookup.finish())
}

/**
 * Every tier at once: whichever has the value first wins, and one without it waits for the others. A tier that answers
 * at once has won before the next is asked.
 */
export function readRace<T>(lookup: Lookup<T>, losers: LoserPolicy): MaybePromise<Results<T>> {
  const running = new Set<Promise<void>>()
  for (let tier = 0; tier <= lookup.set.lowest && !lookup.complete; tier += 1) {
    if (tier > 0) lookup.beginFills()
    const asked = lookup.ask(tier)
    if (!isPromise(asked)) continue
    const run: Promise<void> = asked.then(() => void running.delete(run))
    running.add(run)
  }
  const end = (): Results<T> => {
    if (losers === 'offload' && running.size > 0) {
      const left = [...running]
      lookup.set.later({ kind: 'race-read-loser', run: () => Promise.all(left) })
    }
    return lookup.finish()
  }
  if (running.size === 0 || lookup.complete) return end()
  return new Promise((resolve) => {
    let over = false
    for (const run of running) {
      void run.then(() => {
        if (over || (running.size > 0 && !lookup.complete)) return
        over = true
        resolve(end())
      })
    }
  })
}
