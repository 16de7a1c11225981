import {
  type CacheBackend,
  type CacheValue,
  isPromise,
  type MaybePromise,
  type MissReason,
  type ReadOptions,
} from '@hitbox/core'
import { type Fill, refill } from '../refill.ts'
import { NO_DEMANDS, type TierSet } from '../tier-set.ts'
import { explainHit, forgetAnswer } from './explain.ts'

/** The way of one key down the tiers, once the first has not answered with a hit at once. */
export class SequentialRead<T> {
  readonly #set: TierSet
  readonly #text: string
  readonly #options: ReadOptions | undefined
  #ticket: number | undefined
  #askedAt: number | undefined
  #lacking = 0
  #reason: MissReason | undefined
  /** In the order of the tiers. */
  #failures: unknown[] | undefined

  constructor(set: TierSet, text: string, options: ReadOptions | undefined) {
    this.#set = set
    this.#text = text
    this.#options = options
  }

  /** Goes on with an answer of `tier`. */
  after(
    tier: number,
    answer: MaybePromise<CacheValue<T> | undefined>,
  ): MaybePromise<CacheValue<T> | undefined> {
    if (!isPromise(answer)) return this.#take(tier, answer) ?? this.#ask(tier + 1)
    return answer.then(
      (value) => this.#take(tier, value) ?? this.#ask(tier + 1),
      (error: unknown) => this.afterFailure(tier, error),
    )
  }

  afterFailure(tier: number, error: unknown): MaybePromise<CacheValue<T> | undefined> {
    const told = this.#set.tally.failure(tier, 'read', this.#text, error)
    this.#failures ??= []
    this.#failures.push(told)
    const context = this.#options?.context
    if (context !== undefined) {
      forgetAnswer(context, this.#reason)
      context.failures.push(told)
    }
    return this.#ask(tier + 1)
  }

  #ask(tier: number): MaybePromise<CacheValue<T> | undefined> {
    if (tier > this.#set.lowest) return this.#nothing()
    this.#ticket ??= this.#set.guard.beginFill(this.#text)
    if (this.#set.timesCopies) this.#askedAt ??= this.#set.clock.now()
    let answer: MaybePromise<CacheValue<T> | undefined>
    try {
      answer = (this.#set.tiers[tier] as CacheBackend).get<T>(this.#text, this.#options)
    } catch (error) {
      return this.afterFailure(tier, error)
    }
    return this.after(tier, answer)
  }

  /** @returns the value when it may be served. */
  #take(tier: number, value: CacheValue<T> | undefined): CacheValue<T> | undefined {
    let refusal: MissReason | undefined
    if (value !== undefined) {
      const now = this.#set.clock.now()
      refusal = this.#set.refusal(tier, this.#text, value, now, this.#options ?? NO_DEMANDS)
      if (refusal === undefined) return this.#serve(tier, value, now)
    }
    this.#lacking |= 1 << tier
    const context = this.#options?.context
    this.#reason = refusal ?? context?.missReason ?? 'absent'
    if (context !== undefined) forgetAnswer(context, this.#reason)
    return undefined
  }

  #serve(tier: number, value: CacheValue<T>, now: number): CacheValue<T> {
    const set = this.#set
    const fresh = value.staleAt > now
    set.tally.hits += 1
    if (set.tally.observed) set.tally.hit(tier, this.#text, !fresh)
    const context = this.#options?.context
    if (context !== undefined) explainHit(set, context, context, tier, value, now)
    if (fresh && this.#lacking !== 0 && this.#ticket !== undefined) {
      const fill: Fill = {
        text: this.#text,
        value,
        ticket: this.#ticket,
        lacking: this.#lacking,
        askedAt: set.copies.copiedFrom(tier, value, this.#askedAt),
        begun: false,
      }
      refill(set, [fill], true)
      if (context !== undefined) context.refilled ||= fill.begun
    }
    return value
  }

  #nothing(): undefined {
    const { tally, tiers } = this.#set
    if (this.#failures?.length === tiers.length) throw tally.allFailed('read', this.#failures)
    tally.missed(this.#text, this.#reason ?? 'absent')
    return undefined
  }
}
