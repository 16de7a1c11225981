import { type CacheValue, type Context, createContext, type MissReason } from '@hitbox/core'
import type { Fill } from '../refill.ts'
import type { TierSet } from '../tier-set.ts'
import { explainHit, forgetAnswer } from './explain.ts'

/** How the tiers of a {@link Explanation} are asked. */
export interface Asked {
  /** One after the other, so that they can speak into one context. */
  readonly inOrder: boolean
}

/** What several tiers say of one key that somebody wants explained, and what the caller is told in the end. */
export class Explanation {
  /** The copies that were made of the value, if any. */
  fill: Fill | undefined
  readonly #set: TierSet
  readonly #context: Context
  readonly #asked: Asked
  /** By tier. One that answers when the read is over speaks to nobody. */
  readonly #said: Context[] = []

  constructor(set: TierSet, context: Context, asked: Asked) {
    this.#set = set
    this.#context = context
    this.#asked = asked
    forgetAnswer(context, undefined)
  }

  /** What a tier that is asked now is to fill. */
  of(tier: number): Context {
    const said = this.#asked.inOrder ? this.#context : createContext()
    this.#said[tier] = said
    return said
  }

  /** Why a tier has nothing, by what it said itself. */
  reasonOf(tier: number): MissReason | undefined {
    return this.#said[tier]?.missReason
  }

  /** A tier was asked in vain, and the next one may be. */
  goOn(reason: MissReason | undefined): void {
    if (this.#asked.inOrder) forgetAnswer(this.#context, reason)
  }

  /** A tier failed, and the next one may be asked. @param error - As it is told. */
  failed(error: unknown, reason: MissReason | undefined): void {
    if (!this.#asked.inOrder) return
    this.goOn(reason)
    this.#context.failures.push(error)
  }

  hit(tier: number, value: CacheValue<unknown>, now: number): void {
    const said = this.#said[tier] as Context
    explainHit(this.#set, this.#context, said, tier, value, now)
    this.#context.refilled ||= this.fill?.begun === true
  }

  miss(reason: MissReason | undefined): void {
    forgetAnswer(this.#context, reason)
  }

  /** Gathers what failed in tiers that were asked at once. @param failures - By tier, with holes. */
  gather(failures: readonly unknown[] | undefined): void {
    if (this.#asked.inOrder) return
    for (let tier = 0; tier <= this.#set.lowest; tier += 1) {
      this.#context.failures.push(...(this.#said[tier]?.failures ?? []))
      if (failures !== undefined && tier in failures) this.#context.failures.push(failures[tier])
    }
  }
}
