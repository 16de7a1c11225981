import {
  type BatchReadOptions,
  type CacheBackend,
  type CacheValue,
  chain,
  type Clock,
  type DeleteStatus,
  failed,
  isPromise,
  type ItemResult,
  type MaybePromise,
  type Offload,
  type OffloadTask,
  type Operation,
  type ReadOptions,
  succeeded,
} from '@hitbox/core'
import type { ResolvedOptions } from './compose-options.ts'
import { CopyTrust } from './copy-trust.ts'
import { KeyOrder } from './key-order.ts'
import { Tally } from './tally.ts'
import type { TierGuard } from './tier-guard.ts'

/** What a read demands of what a tier has. */
export type Demands = Pick<ReadOptions, 'accept' | 'since'>

export const NO_DEMANDS: Demands = Object.freeze({})

/** A key by its text, and what goes under it. */
export interface Item {
  readonly text: string
  readonly value: CacheValue<unknown>
}

/**
 * The tiers of one composition and the operations on one of them, as the policies see them: nothing here throws or
 * rejects, whatever a tier does; what failed is counted and told here, once.
 */
export class TierSet {
  readonly tiers: readonly CacheBackend[]
  readonly lowest: number
  readonly tally: Tally
  readonly guard: TierGuard
  readonly clock: Clock
  readonly label: string
  readonly refills: boolean
  readonly copies: CopyTrust
  readonly #offload: Offload
  readonly #maxTtlMs: readonly number[]
  readonly #orders: readonly KeyOrder[]
  readonly #slow: boolean[]

  constructor(tiers: readonly CacheBackend[], options: ResolvedOptions, offload: Offload) {
    this.tiers = tiers
    this.lowest = tiers.length - 1
    const labels = tiers.map((tier) => tier.label)
    this.tally = new Tally(options.label, labels, options.onEvent)
    this.guard = options.guard
    this.copies = new CopyTrust(tiers, options.guard)
    this.clock = options.clock
    this.label = options.label
    this.#offload = offload
    this.#slow = tiers.map(() => false)
    this.refills = options.refill === 'always'
    this.#maxTtlMs = options.maxTtlMs
    this.#orders = tiers.map(() => new KeyOrder())
  }

  /** Whether copies count from when their tier was asked, and not from when they are made. */
  get timesCopies(): boolean {
    return this.copies.coherence !== undefined
  }

  /**
   * The one comparison that every hit passes.
   *
   * @returns why the copy must not be served, or `undefined` when it may.
   */
  refusal(
    tier: number,
    text: string,
    value: CacheValue<unknown>,
    now: number,
    { accept, since }: Demands,
  ): 'expired' | 'untrusted' | 'invalidated' | undefined {
    if (value.expiresAt <= now) return 'expired'
    if (tier !== this.lowest && !this.copies.vouches(tier, text, value, now, since)) {
      return 'untrusted'
    }
    return accept === undefined || accept(value) ? undefined : 'invalidated'
  }

  /** Drops the copies of a key that somebody else has changed, and keeps those away that are on their way. */
  changedBelow(text: string): void {
    const { guard } = this
    guard.beginChange(text)
    const removed = this.tiers
      .slice(0, -1)
      .map((_, tier) => this.#dropped(tier, text))
      .filter(isPromise)
    if (removed.length === 0) guard.endChange(text)
    else void Promise.all(removed).then(() => guard.endChange(text))
  }

  /** {@link TierSet.changedBelow} for everything. Copies in tiers that cannot be emptied end by their life. */
  changedAllBelow(): void {
    this.guard.changeAll()
    for (let tier = 0; tier < this.lowest; tier += 1) this.#emptyIfPossible(tier)
  }

  /** @param texts - Each key once. @returns what ends the change. */
  beginChange(texts: Iterable<string>): () => void {
    const { guard } = this
    for (const text of texts) guard.beginChange(text)
    return () => {
      for (const text of texts) guard.endChange(text)
    }
  }

  /** Closes all tiers. @returns what failed. */
  async close(): Promise<unknown[]> {
    const closed = await Promise.allSettled(this.tiers.map(async (tier) => tier.close()))
    return closed.flatMap((result, tier) =>
      result.status === 'rejected'
        ? [this.tally.failure(tier, 'close', undefined, result.reason)]
        : [],
    )
  }

  /** Whether the last copy made in this tier was not made at once. */
  slowToFill(tier: number): boolean {
    return this.#slow[tier] as boolean
  }

  noteFill(tier: number, slow: boolean): void {
    this.#slow[tier] = slow
  }

  /** @returns whether the work will be done. */
  later(task: OffloadTask): boolean {
    try {
      return this.#offload.register(task)
    } catch (error) {
      this.tally.offloadFailed(error)
      return false
    }
  }

  read<T>(
    tier: number,
    text: string,
    options?: ReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    return this.#one(tier, 'read', text, () =>
      (this.tiers[tier] as CacheBackend).get<T>(text, options),
    )
  }

  readMany<T>(
    tier: number,
    texts: readonly string[],
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    return this.#many(tier, 'read', texts, () =>
      (this.tiers[tier] as CacheBackend).getMany<T>(texts, options),
    )
  }

  /**
   * Writes one key, without the lists of {@link TierSet.write}.
   *
   * @returns the failure, or `undefined` for none.
   */
  put(
    tier: number,
    text: string,
    value: CacheValue<unknown>,
    operation: 'write' | 'refill',
    askedAt?: number,
  ): MaybePromise<unknown> {
    if (tier === this.lowest) return this.#put(tier, text, value, operation)
    const order = this.#orders[tier] as KeyOrder
    return order.runOne(text, () => this.#put(tier, text, value, operation, askedAt))
  }

  write(
    tier: number,
    items: readonly Item[],
    single: boolean,
    operation: 'write' | 'refill' = 'write',
    askedAt?: number,
  ): MaybePromise<ItemResult<void>[]> {
    const texts = items.map((item) => item.text)
    return this.#ordered(tier, texts, () => {
      const backend = this.tiers[tier] as CacheBackend
      const { text, value } = items[0] as Item
      return single
        ? this.#one(tier, operation, text, () =>
            backend.set(text, this.#capped(tier, value, askedAt)),
          )
        : this.#many(tier, operation, texts, () =>
            backend.setMany(
              items.map((item) => [item.text, this.#capped(tier, item.value, askedAt)]),
            ),
          )
    })
  }

  remove(
    tier: number,
    texts: readonly string[],
    single: boolean,
  ): MaybePromise<ItemResult<DeleteStatus>[]> {
    return this.#ordered(tier, texts, () => {
      const backend = this.tiers[tier] as CacheBackend
      const text = texts[0] as string
      return single
        ? this.#one(tier, 'remove', text, () => backend.delete(text))
        : this.#many(tier, 'remove', texts, () => backend.deleteMany(texts))
    })
  }

  /** Drops everything, also what is just on its way into an upper tier. @returns the failures. */
  clear(): unknown[] {
    this.guard.changeAll()
    const failures: unknown[] = []
    for (let tier = this.lowest; tier >= 0; tier -= 1) failures.push(...this.#empty(tier))
    return failures
  }

  /** @returns the failure, if any. */
  #empty(tier: number): unknown[] {
    const failures: unknown[] = []
    try {
      this.tiers[tier]?.clear?.()
    } catch (error) {
      failures.push(this.tally.failure(tier, 'remove', undefined, error))
    }
    const texts = this.#orders[tier]?.keys ?? []
    if (texts.length === 0) return failures
    // What is on its way in is taken away when it has arrived; nothing may be made of it until then.
    for (const text of texts) this.guard.beginChange(text)
    void chain(this.remove(tier, texts, false), () => {
      for (const text of texts) this.guard.endChange(text)
    })
    return failures
  }

  #emptyIfPossible(tier: number): void {
    if (this.tiers[tier]?.clear !== undefined) this.#empty(tier)
  }

  #dropped(tier: number, text: string): MaybePromise<void> {
    return chain(this.remove(tier, [text], true), ([result]) => {
      // Of a copy that stayed nobody would be told again.
      if (result?.ok !== true) this.#emptyIfPossible(tier)
    })
  }

  #put(
    tier: number,
    text: string,
    value: CacheValue<unknown>,
    operation: 'write' | 'refill',
    askedAt?: number,
  ): MaybePromise<unknown> {
    const lost = (error: unknown): unknown => this.tally.failure(tier, operation, text, error)
    try {
      const answer = (this.tiers[tier] as CacheBackend).set(
        text,
        this.#capped(tier, value, askedAt),
      )
      return isPromise(answer) ? answer.then(() => undefined, lost) : undefined
    } catch (error) {
      return lost(error)
    }
  }

  /**
   * The copy this tier may keep. An upper tier's copy never outlives its bound, nor goes stale after it is over.
   *
   * @param askedAt - When the lowest tier was asked for it, or to take it; a copy that nobody is told about may not be older than that.
   */
  #capped(
    tier: number,
    value: CacheValue<unknown>,
    askedAt: number | undefined,
  ): CacheValue<unknown> {
    const maxTtlMs = this.#maxTtlMs[tier] as number
    const copyMs = this.copies.copyMs(tier)
    if (maxTtlMs === Number.POSITIVE_INFINITY && copyMs === Number.POSITIVE_INFINITY) return value
    const now = this.clock.now()
    const end = copyMs === Number.POSITIVE_INFINITY ? copyMs : (askedAt ?? now) + copyMs
    const latest = Math.min(now + maxTtlMs, end)
    if (value.expiresAt <= latest) return value
    const { data, staleAt, meta } = value
    return { data, staleAt: Math.min(staleAt, latest), expiresAt: latest, meta }
  }

  /** Operations on the lowest tier are its own business: their order decides, and the tiers above follow it. */
  #ordered<R>(tier: number, texts: readonly string[], run: () => MaybePromise<R>): MaybePromise<R> {
    return tier === this.lowest ? run() : (this.#orders[tier] as KeyOrder).run(texts, run)
  }

  #one<R>(
    tier: number,
    operation: Operation | 'refill',
    text: string,
    run: () => MaybePromise<R>,
  ): MaybePromise<ItemResult<R>[]> {
    const lost = (error: unknown): ItemResult<R>[] => [
      failed(this.tally.failure(tier, operation, text, error)),
    ]
    try {
      const answer = run()
      return isPromise(answer)
        ? answer.then((value) => [succeeded(value)], lost)
        : [succeeded(answer)]
    } catch (error) {
      return lost(error)
    }
  }

  #many<R>(
    tier: number,
    operation: Operation | 'refill',
    texts: readonly string[],
    run: () => MaybePromise<ItemResult<R>[]>,
  ): MaybePromise<ItemResult<R>[]> {
    const lost = (text: string, error: unknown): ItemResult<R> =>
      failed(this.tally.failure(tier, operation, text, error))
    const settled = (results: readonly ItemResult<R>[]): ItemResult<R>[] =>
      texts.map((text, index) => {
        const result = results[index]
        if (result === undefined) return lost(text, new Error('the batch left out a result'))
        return result.ok ? result : lost(text, result.error)
      })
    const collapsed = (error: unknown): ItemResult<R>[] => texts.map((text) => lost(text, error))
    try {
      const answer = run()
      return isPromise(answer) ? answer.then(settled, collapsed) : settled(answer)
    } catch (error) {
      return collapsed(error)
    }
  }
}
