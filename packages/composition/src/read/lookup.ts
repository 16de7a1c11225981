import {
  type CacheValue,
  chain,
  type Context,
  createContext,
  failed,
  type ItemResult,
  type MaybePromise,
  type MissReason,
  succeeded,
} from '@hitbox/core'
import { type Fill, refill } from '../refill.ts'
import type { TierSet } from '../tier-set.ts'
import { explainHit, forgetAnswer } from './explain.ts'

/** What is known of one key while the tiers are asked for it. */
interface Search<T> {
  readonly text: string
  value: CacheValue<T> | undefined
  /** The tier that `value` came from. */
  tier: number
  ticket: number | undefined
  /** One bit per tier that has answered and had nothing, or nothing better, to serve. */
  lacking: number
  reason: MissReason | undefined
  /** By tier; holes where a tier did not fail. */
  failures: unknown[] | undefined
}

export type Results<T> = ItemResult<CacheValue<T> | undefined>[]

/**
 * One read of one or many keys by a policy that asks several tiers: gathers the answers, keeps the best per key, and ends
 * with the results, the refills and the context.
 */
export class Lookup<T> {
  readonly set: TierSet
  readonly #searches: readonly Search<T>[]
  readonly #context: Context | undefined
  /** What each tier says for itself; only for a single key with a context. */
  readonly #contexts: readonly Context[]
  readonly #single: boolean
  readonly #fresher: boolean

  /** @param fresher - Whether a fresher answer replaces an earlier one; else the first stays. */
  constructor(
    set: TierSet,
    texts: readonly string[],
    options: {
      readonly single: boolean
      readonly fresher: boolean
      readonly context?: Context | undefined
    },
  ) {
    this.set = set
    this.#searches = texts.map((text) => ({
      text,
      value: undefined,
      tier: 0,
      ticket: undefined,
      lacking: 0,
      reason: undefined,
      failures: undefined,
    }))
    this.#context = options.context
    this.#contexts = options.context === undefined ? [] : set.tiers.map(() => createContext())
    this.#single = options.single
    this.#fresher = options.fresher
  }

  get complete(): boolean {
    return this.#searches.every((search) => search.value !== undefined)
  }

  /** Must come before the first question to a tier whose answers may be copied up. */
  beginFills(): void {
    for (const search of this.#searches) {
      if (search.value === undefined) search.ticket ??= this.set.guard.beginFill(search.text)
    }
  }

  /** Asks a tier in one call for every key that has no value yet, or for all when the fresher wins; notes what it says. */
  ask(tier: number): MaybePromise<void> {
    const asked = this.#fresher
      ? this.#searches
      : this.#searches.filter((search) => search.value === undefined)
    const texts = asked.map((search) => search.text)
    const answers = this.#single
      ? this.set.read<T>(tier, texts[0] as string, { context: this.#contexts[tier] })
      : this.set.readMany<T>(tier, texts)
    return chain(answers, (results) => {
      const now = this.set.clock.now()
      for (let index = 0; index < asked.length; index += 1) {
        this.#note(asked[index] as Search<T>, tier, results[index] as Results<T>[number], now)
      }
    })
  }

  /** Called once, when the policy wants no more answers. */
  finish(): Results<T> {
    const now = this.set.clock.now()
    const fills: Fill[] = []
    const results = this.#searches.map((search) => this.#result(search, now, fills))
    const refilled = fills.length > 0 && refill(this.set, fills, this.#single)
    if (this.#context !== undefined) this.#explain(this.#context, now, refilled)
    return results
  }

  #note(search: Search<T>, tier: number, result: Results<T>[number], now: number): void {
    if (!result.ok) {
      search.failures ??= []
      search.failures[tier] = result.error
      return
    }
    const { value } = result
    const refusal = value === undefined ? undefined : this.set.refusal(tier, value, now)
    if (value === undefined || refusal !== undefined) {
      search.lacking |= 1 << tier
      search.reason = refusal ?? this.#contexts[tier]?.missReason ?? 'absent'
    } else this.#weigh(search, tier, value, now)
  }

  #weigh(search: Search<T>, tier: number, value: CacheValue<T>, now: number): void {
    const best = search.value
    if (best === undefined || (this.#fresher && isFresher(value, tier, best, search.tier, now))) {
      if (best !== undefined) search.lacking |= 1 << search.tier
      search.value = value
      search.tier = tier
    } else search.lacking |= 1 << tier
  }

  #result(search: Search<T>, now: number, fills: Fill[]): Results<T>[number] {
    const { text, value, tier, ticket, failures } = search
    const { tally, tiers } = this.set
    if (value === undefined) {
      // Holes are skipped, so this counts the tiers that failed.
      if (failures?.filter(() => true).length === tiers.length) {
        return failed(tally.allFailed('read', failures))
      }
      tally.missed(text, search.reason ?? 'absent')
      return succeeded(undefined)
    }
    const fresh = value.staleAt > now
    tally.hits += 1
    if (tally.observed) tally.hit(tier, text, !fresh)
    const lacking = search.lacking & ((1 << tier) - 1)
    if (fresh && lacking !== 0 && ticket !== undefined) fills.push({ text, value, ticket, lacking })
    return succeeded(value)
  }

  #explain(context: Context, now: number, refilled: boolean): void {
    const { value, tier, reason, failures } = this.#searches[0] as Search<T>
    for (const inner of this.#contexts) context.failures.push(...inner.failures)
    if (failures !== undefined) context.failures.push(...failures.filter(() => true))
    if (value === undefined) forgetAnswer(context, reason)
    else {
      explainHit(this.set, context, this.#contexts[tier] as Context, tier, value, now)
      context.refilled ||= refilled
    }
  }
}

/**
 * Whether `value` is to be preferred: a fresh one to a stale one, then the one that may be served longer, to the
 * millisecond; of equals, the one from the upper tier.
 */
function isFresher(
  value: CacheValue<unknown>,
  tier: number,
  best: CacheValue<unknown>,
  bestTier: number,
  now: number,
): boolean {
  const fresh = value.staleAt > now
  if (fresh !== best.staleAt > now) return fresh
  return value.expiresAt === best.expiresAt ? tier < bestTier : value.expiresAt > best.expiresAt
}
