import {
  type BatchReadOptions,
  type CacheValue,
  chain,
  type Context,
  failed,
  type ItemResult,
  type MaybePromise,
  type MissReason,
  type ReadOptions,
  succeeded,
} from '@hitbox/core'
import { type Fill, refill } from '../refill.ts'
import type { Demands, TierSet } from '../tier-set.ts'
import { type Asked, Explanation } from './explanation.ts'

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

export interface LookupOptions extends Asked {
  readonly demands: Demands
  /** Whether this is no batch. */
  readonly single: boolean
  /** Whether a fresher answer replaces an earlier one; else the first stays. */
  readonly fresher: boolean
  /** By key, of those that somebody wants explained. */
  readonly contexts: readonly (Context | undefined)[] | undefined
}

/**
 * One read of one or many keys by a policy that asks several tiers: gathers the answers, keeps the best per key, and ends
 * with the results, the refills and the contexts.
 */
export class Lookup<T> {
  readonly set: TierSet
  readonly #searches: readonly Search<T>[]
  /** Of the keys that somebody wants explained; absent where nobody does, which is nearly always. */
  readonly #explanations: ReadonlyMap<Search<T>, Explanation> | undefined
  readonly #single: boolean
  readonly #fresher: boolean
  readonly #demands: Demands
  #askedAt: number | undefined

  constructor(set: TierSet, texts: readonly string[], options: LookupOptions) {
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
    this.#single = options.single
    this.#fresher = options.fresher
    this.#demands = options.demands
    this.#explanations = options.contexts && this.#explain(options.contexts, options)
  }

  get complete(): boolean {
    return this.#searches.every((search) => search.value !== undefined)
  }

  /** Must come before the first question to a tier whose answers may be copied up. */
  beginFills(): void {
    if (this.set.timesCopies) this.#askedAt ??= this.set.clock.now()
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
    const options = this.#readOptions(tier, asked)
    const answers = this.#single
      ? this.set.read<T>(tier, texts[0] as string, options && one(options))
      : this.set.readMany<T>(tier, texts, options)
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
    if (fills.length > 0) refill(this.set, fills, this.#single)
    if (this.#explanations !== undefined) tell(this.#explanations, now)
    return results
  }

  #explain(
    contexts: readonly (Context | undefined)[],
    asked: Asked,
  ): ReadonlyMap<Search<T>, Explanation> {
    const explanations = new Map<Search<T>, Explanation>()
    for (let index = 0; index < this.#searches.length; index += 1) {
      const context = contexts[index]
      if (context === undefined) continue
      const explanation = new Explanation(this.set, context, asked)
      explanations.set(this.#searches[index] as Search<T>, explanation)
    }
    return explanations
  }

  #readOptions(tier: number, asked: readonly Search<T>[]): BatchReadOptions | undefined {
    const explanations = this.#explanations
    const { accept, since } = this.#demands
    if (explanations === undefined) {
      return accept === undefined && since === undefined ? undefined : { accept, since }
    }
    const contexts = asked.map((search) => explanations.get(search)?.of(tier))
    return { contexts, accept, since }
  }

  #note(search: Search<T>, tier: number, result: Results<T>[number], now: number): void {
    if (!result.ok) {
      search.failures ??= []
      search.failures[tier] = result.error
      this.#explanations?.get(search)?.failed(result.error, search.reason)
      return
    }
    const { value } = result
    const refusal =
      value === undefined
        ? undefined
        : this.set.refusal(tier, search.text, value, now, this.#demands)
    if (value === undefined || refusal !== undefined) {
      const explanation = this.#explanations?.get(search)
      search.lacking |= 1 << tier
      search.reason = refusal ?? explanation?.reasonOf(tier) ?? 'absent'
      explanation?.goOn(search.reason)
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
    if (fresh && lacking !== 0 && ticket !== undefined) {
      const askedAt = this.set.copies.copiedFrom(tier, value, this.#askedAt)
      const fill = { text, value, ticket, lacking, askedAt, begun: false }
      fills.push(fill)
      const explanation = this.#explanations?.get(search)
      if (explanation !== undefined) explanation.fill = fill
    }
    return succeeded(value)
  }
}

function tell(explanations: ReadonlyMap<Search<unknown>, Explanation>, now: number): void {
  for (const [search, explanation] of explanations) {
    explanation.gather(search.failures)
    if (search.value === undefined) explanation.miss(search.reason)
    else explanation.hit(search.tier, search.value, now)
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

function one({ contexts, accept, since }: BatchReadOptions): ReadOptions {
  return { context: contexts?.[0], accept, since }
}
