import {
  type BackendStats,
  type BatchReadOptions,
  type CacheBackend,
  type CacheValue,
  chain,
  type Clock,
  closedError,
  type Coherence,
  type DeleteStatus,
  type DurationInput,
  type Entry,
  isPromise,
  type ItemResult,
  type KeyInput,
  keyText,
  type Leases,
  type MaybePromise,
  normalizeValue,
  type ReadOptions,
  sourcePath,
} from '@hitbox/core'
import {
  type ComposeOptions,
  type ResolvedOptions,
  resolveOptions,
  splitArguments,
} from './compose-options.ts'
import { followChanges } from './follow-changes.ts'
import { BoundedOffload, type OffloadManager } from './offload-manager.ts'
import { explainFirst, forgetAnswer } from './read/explain.ts'
import { Lookup, type Results } from './read/lookup.ts'
import { readInOrder, readParallel, readRace } from './read/policies.ts'
import { SequentialRead } from './read/sequential-read.ts'
import { removeEverywhere } from './remove-everywhere.ts'
import type { TierGuard } from './tier-guard.ts'
import { TieredLeases } from './tiered-leases.ts'
import { type Item, NO_DEMANDS, TierSet } from './tier-set.ts'
import { writeOptimistic, writeRace } from './write/at-once.ts'
import { OneThrough } from './write/one-through.ts'
import { writeInOrder } from './write/sequential.ts'
import { writeThrough } from './write/through.ts'
import { Writing } from './write/writing.ts'

/** What {@link compose} takes: two or more tiers from the uppermost to the lowest, then options if any. */
export type ComposeArguments =
  | readonly [CacheBackend, CacheBackend, ...CacheBackend[]]
  | readonly [CacheBackend, CacheBackend, ...CacheBackend[], ComposeOptions]

/**
 * Stacks backends into tiers that act as one backend: the quick and small one first, the one that all share last.
 * Compositions are backends, so they nest.
 *
 * With the defaults, a change that was acknowledged is obeyed: no read that begins later, through this composition, is
 * answered with an older value. A tier that hangs holds up the calls that wait for it for as long as it hangs, so give
 * backends that may hang a deadline.
 *
 * Owns its tiers: closing the composition closes them. {@link borrowed} keeps one open.
 *
 * @example
 * ```ts
 * import { compose } from '@hitbox/composition'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const tiersOf = (memory: CacheBackend, redis: CacheBackend): CacheBackend =>
 *   compose(memory, redis, { label: 'users', maxTtl: ['1m', undefined] })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when there are fewer than two tiers, one is no backend or comes twice, or an
 * option is unknown or cannot be used.
 */
export function compose(...args: ComposeArguments): CacheBackend {
  const { tiers, options } = splitArguments(args)
  return new Composition(tiers, resolveOptions(options, tiers.length))
}

class Composition implements CacheBackend {
  readonly label: string
  readonly peek?: <T = unknown>(
    key: KeyInput,
    options?: Pick<ReadOptions, 'since'>,
  ) => CacheValue<T> | undefined
  readonly clear?: () => void
  readonly lowest: CacheBackend
  readonly keepsMeta: boolean
  readonly coherence?: Coherence | undefined
  readonly leases?: Leases | undefined
  readonly #set: TierSet
  readonly #coherence: Coherence | undefined
  readonly #first: CacheBackend
  readonly #clock: Clock
  readonly #guard: TierGuard
  readonly #options: ResolvedOptions
  readonly #inOrder: boolean
  /** Whether all copies in the first tier count where one does. */
  readonly #exact: boolean
  readonly #maxStaleMs: number
  /** Whether the first tier can answer at once, and its word is enough. */
  readonly #quick: boolean
  readonly #ownOffload: OffloadManager | undefined
  #endListening: (() => void) | undefined
  #closing: Promise<void> | undefined

  constructor(tiers: readonly CacheBackend[], options: ResolvedOptions) {
    const { label, offload, clock, onEvent } = options
    this.label = label
    this.#options = options
    const own =
      offload === undefined
        ? new BoundedOffload(sourcePath(label, 'offload'), { clock, onEvent })
        : undefined
    this.#ownOffload = own
    this.#set = new TierSet(tiers, options, offload ?? (own as OffloadManager))
    this.#first = tiers[0] as CacheBackend
    this.#clock = clock
    this.#guard = options.guard
    this.#inOrder = options.read === 'sequential'
    const last = tiers.at(-1) as CacheBackend
    this.lowest = last.lowest ?? last
    this.keepsMeta = tiers.every((tier) => tier.keepsMeta !== false)
    this.#coherence = last.coherence
    this.#maxStaleMs = last.coherence?.maxStaleMs ?? Number.POSITIVE_INFINITY
    this.#exact = this.#set.copies.isExact(0)
    this.#quick = this.#inOrder && this.#exact && this.#first.hit !== undefined
    if (last.coherence !== undefined) {
      this.coherence = last.coherence
      this.#endListening = followChanges(this.#set, last.coherence)
    }
    if (last.leases !== undefined) this.leases = new TieredLeases(this.#set, last.leases)
    if (this.#first.peek !== undefined) this.peek = (key, asked) => this.#peek(key, asked?.since)
    if (tiers.every((tier) => tier.clear !== undefined)) this.clear = () => this.#clear()
  }

  get<T>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    if (this.#closing !== undefined) throw closedError(this.label)
    const context = options?.context
    if (!this.#inOrder) return this.#lookUp(keyText(key), options)
    if (context !== undefined) forgetAnswer(context, undefined)
    let answer: MaybePromise<CacheValue<T> | undefined>
    try {
      answer = this.#first.get<T>(key, options)
    } catch (error) {
      // An unusable key throws here too, as the caller's own fault.
      return new SequentialRead<T>(this.#set, keyText(key), options).afterFailure(0, error)
    }
    if (answer === undefined || isPromise(answer)) return this.#descend(key, options, answer)
    const now = this.#clock.recent()
    if (
      answer.expiresAt <= now ||
      !this.#trusted(key, answer, options?.since) ||
      options?.accept?.(answer) === false
    ) {
      return this.#descend(key, options, answer)
    }
    const { tally } = this.#set
    tally.hits += 1
    if (context !== undefined) explainFirst(this.#set, context, answer)
    if (tally.observed) tally.hit(0, keyText(key), answer.staleAt <= now)
    return answer
  }

  hit<T>(key: KeyInput, since?: number): CacheValue<T> | undefined {
    if (this.#closing !== undefined) throw closedError(this.label)
    // Before the tier is asked, which counts.
    if (!this.#quick || !this.#counts(key, since)) return undefined
    const value = this.#first.hit?.<T>(key)
    if (value === undefined) return undefined
    const { tally } = this.#set
    tally.hits += 1
    if (tally.observed) tally.hit(0, keyText(key), false)
    return value
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    this.#assertOpen()
    const text = keyText(key)
    const entry = normalizeValue(value)
    if (this.#options.write === 'through') return new OneThrough(this.#set, text, entry).run()
    return chain(this.#write([{ text, value: entry }], true), ([result]) => settled(result))
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    this.#assertOpen()
    return chain(this.#remove([keyText(key)], true), ([result]) => settled(result))
  }

  getMany<T>(keys: Iterable<KeyInput>, options?: BatchReadOptions): MaybePromise<Results<T>> {
    this.#assertOpen()
    const texts = Array.from(keys, keyText)
    return texts.length === 0 ? [] : this.#read<T>(texts, false, options)
  }

  setMany<T>(entries: Iterable<Entry<T>>): MaybePromise<ItemResult<void>[]> {
    this.#assertOpen()
    const items = Array.from(entries, ([key, value]): Item => ({
      text: keyText(key),
      value: normalizeValue(value),
    }))
    if (items.length === 0) return []
    const last = new Map(items.map((item, index) => [item.text, index]))
    if (last.size === items.length) return this.#write(items, false)
    // Of duplicates only the last is written, once; each gets its result.
    const kept = items.filter((item, index) => last.get(item.text) === index)
    const places = new Map(kept.map((item, place) => [item.text, place]))
    return chain(this.#write(kept, false), (results) =>
      items.map(({ text }) => results[places.get(text) as number] as ItemResult<void>),
    )
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    this.#assertOpen()
    const texts = Array.from(keys, keyText)
    return texts.length === 0 ? [] : this.#remove(texts, false)
  }

  async ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void> {
    this.#assertOpen()
    await Promise.all(this.#set.tiers.map((tier) => tier.ready(options)))
  }

  stats(): BackendStats {
    return this.#set.tally.stats()
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #closeAll(): Promise<void> {
    await this.#ownOffload?.close()
    this.#endListening?.()
    const errors = await this.#set.close()
    if (errors.length > 0) throw errors[0]
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError(this.label)
  }

  #peek<T>(key: KeyInput, since: number | undefined): CacheValue<T> | undefined {
    this.#assertOpen()
    const value = this.#first.peek?.<T>(key)
    return value !== undefined && this.#trusted(key, value, since) ? value : undefined
  }

  #clear(): void {
    this.#assertOpen()
    const failures = this.#set.clear()
    if (failures.length > 0) throw failures[0]
  }

  /** Whether this copy in the first tier counts now. */
  #trusted(key: KeyInput, value: CacheValue<unknown>, since: number | undefined): boolean {
    if (!this.#counts(key, since)) return false
    return this.#exact || this.#set.copies.endsInTime(value, this.#clock.now(), since)
  }

  /**
   * Whether copies in the first tier count now. Where something may end that, the clock is looked at, exactly: how long the process was
   * held up since the last look, by itself or from outside, nothing else can tell.
   */
  #counts(key: KeyInput, since: number | undefined): boolean {
    const until = this.#guard.trustedUntil
    const coherence = this.#coherence
    if (coherence === undefined || (since !== undefined && since === Number.NEGATIVE_INFINITY)) {
      return until === Number.POSITIVE_INFINITY || this.#clock.now() < until
    }
    const now = this.#clock.now()
    if (since !== undefined) return this.#set.copies.count(0, keyText(key), now, since)
    return now - coherence.fence <= this.#maxStaleMs && now < until
  }

  #descend<T>(
    key: KeyInput,
    options: ReadOptions | undefined,
    answer: MaybePromise<CacheValue<T> | undefined>,
  ): MaybePromise<CacheValue<T> | undefined> {
    return new SequentialRead<T>(this.#set, keyText(key), options).after(0, answer)
  }

  #lookUp<T>(
    text: string,
    options: ReadOptions | undefined,
  ): MaybePromise<CacheValue<T> | undefined> {
    const { context, accept, since } = options ?? {}
    const asked = { contexts: context && [context], accept, since }
    return chain(this.#read<T>([text], true, asked), ([result]) => settled(result))
  }

  #read<T>(
    texts: readonly string[],
    single: boolean,
    options: BatchReadOptions | undefined,
  ): MaybePromise<Results<T>> {
    const { read, readLosers } = this.#options
    const fresher = read === 'parallel'
    const lookup = new Lookup<T>(this.#set, texts, {
      single,
      fresher,
      inOrder: this.#inOrder,
      contexts: options?.contexts,
      demands: options ?? NO_DEMANDS,
    })
    if (fresher) return readParallel(lookup)
    return read === 'race' ? readRace(lookup, readLosers) : readInOrder(lookup)
  }

  #write(items: readonly Item[], single: boolean): MaybePromise<ItemResult<void>[]> {
    const { write, writeLosers } = this.#options
    const writing = new Writing(this.#set, items, single)
    const end = this.#set.beginChange(items.map((item) => item.text))
    const results =
      write === 'race' ? writeRace(writing, writeLosers, end) : WRITERS[write](writing)
    return chain(write === 'race' ? results : ending(results, end), (outcome) => {
      for (let index = 0; index < items.length; index += 1) {
        if (outcome[index]?.ok === true) this.#set.tally.written((items[index] as Item).text)
      }
      return outcome
    })
  }

  #remove(texts: readonly string[], single: boolean): MaybePromise<ItemResult<DeleteStatus>[]> {
    const tolerate = this.#options.onDeleteError === 'tolerate'
    const end = this.#set.beginChange(new Set(texts))
    const results = removeEverywhere(this.#set, texts, { single, tolerate })
    return chain(ending(results, end), (outcome) => {
      for (let index = 0; index < texts.length; index += 1) {
        const result = outcome[index]
        if (result?.ok === true) this.#set.tally.deleted(texts[index] as string, result.value.count)
      }
      return outcome
    })
  }
}

const WRITERS = {
  through: writeThrough,
  sequential: writeInOrder,
  optimisticParallel: writeOptimistic,
} as const

/** Calls `end` before anybody sees the answer. */
function ending<R>(answer: MaybePromise<R>, end: () => void): MaybePromise<R> {
  if (isPromise(answer)) return answer.finally(end)
  end()
  return answer
}

function settled<R>(result: ItemResult<R> | undefined): R {
  if (result?.ok === true) return result.value
  throw result?.error
}
