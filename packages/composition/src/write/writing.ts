import { chain, failed, type ItemResult, type MaybePromise, succeeded } from '@hitbox/core'
import { together } from '../together.ts'
import type { Item, TierSet } from '../tier-set.ts'

type Results = ItemResult<unknown>[]

/** One write of one or many keys, each only once, on its way into the tiers. A position is an index into its items. */
export class Writing {
  readonly set: TierSet
  readonly items: readonly Item[]
  readonly all: readonly number[]
  readonly #single: boolean
  /** When it began, where that matters to copies. */
  readonly #askedAt: number | undefined

  constructor(set: TierSet, items: readonly Item[], single: boolean) {
    this.set = set
    this.items = items
    this.all = items.map((_, position) => position)
    this.#single = single
    this.#askedAt = set.timesCopies ? set.clock.now() : undefined
  }

  /** Whether another change of this key runs or ran beside this one, so that the lowest tier may hold either. */
  contended(position: number): boolean {
    return this.set.guard.contended((this.items[position] as Item).text)
  }

  /** @returns one result per position given. */
  write(tier: number, positions: readonly number[]): MaybePromise<Results> {
    if (positions.length === 0) return []
    const items =
      positions.length === this.items.length
        ? this.items
        : positions.map((position) => this.items[position] as Item)
    return this.set.write(tier, items, this.#single, 'write', this.#askedAt)
  }

  /** Removes what a tier may hold of these keys. @returns one result per position given. */
  drop(tier: number, positions: readonly number[]): MaybePromise<Results> {
    if (positions.length === 0) return []
    const texts = positions.map((position) => (this.items[position] as Item).text)
    return this.set.remove(tier, texts, this.#single)
  }

  /** Drops keys from every tier above the lowest. @returns by position, the first failure, or success. */
  dropAbove(positions: readonly number[]): MaybePromise<ItemResult<void>[]> {
    if (positions.length === 0) return []
    const uppers = this.set.tiers.slice(0, -1).map((_, tier) => this.drop(tier, positions))
    return chain(together(uppers), (byTier) => {
      const outcome: ItemResult<void>[] = []
      for (let index = 0; index < positions.length; index += 1) {
        const lost = byTier.map((results) => results[index]).find((result) => result?.ok === false)
        outcome[positions[index] as number] =
          lost?.ok === false ? failed(lost.error) : succeeded(undefined)
      }
      return outcome
    })
  }
}
