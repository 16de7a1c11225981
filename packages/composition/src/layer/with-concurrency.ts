import {
  type CacheBackend,
  CacheError,
  closedError,
  failed,
  isPromise,
  type ItemResult,
  knownOptions,
  type MaybePromise,
  wholeNumber,
} from '@hitbox/core'
import { checkBackend, type Layer, LayeredBackend, type Verb } from './layered-backend.ts'

/** Bounds that {@link withConcurrency} keeps. */
export interface ConcurrencyOptions {
  /** Most operations in the backend at once; a batch counts as one. Required: there is no safe default. */
  readonly maxConcurrent: number
  /** Most operations waiting for their turn, in the order they came; past it they fail. @defaultValue 1,000 */
  readonly maxQueued?: number | undefined
}

/**
 * Bounds how many operations of a backend run at once. Those that come later wait in order; when too many wait, an
 * operation fails with `OVERLOADED`, and of a batch every item does.
 *
 * An operation that is answered at once takes no place. Waiting has no end of its own: put {@link withDeadline} around this,
 * not below, to bound it. Owns `backend`; closing fails what waits with `CLOSED`.
 *
 * @example
 * ```ts
 * import { withConcurrency } from '@hitbox/composition'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const gentle = (store: CacheBackend): CacheBackend => withConcurrency(store, { maxConcurrent: 64 })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an argument cannot be used.
 */
export function withConcurrency(backend: CacheBackend, options: ConcurrencyOptions): CacheBackend {
  knownOptions('withConcurrency', options, ['maxConcurrent', 'maxQueued'])
  const inner = checkBackend('backend', backend)
  const maxConcurrent = wholeNumber('maxConcurrent', options.maxConcurrent, { min: 1 })
  const maxQueued = wholeNumber('maxQueued', options.maxQueued ?? 1_000, { min: 0 })
  return new LayeredBackend(inner, new Places(inner.label, maxConcurrent, maxQueued))
}

interface Waiter {
  start(): void
  fail(error: unknown): void
}

class Places implements Layer {
  readonly #source: string
  readonly #maxConcurrent: number
  readonly #maxQueued: number
  readonly #queue = new Set<Waiter>()
  #taken = 0
  #calling = false

  constructor(source: string, maxConcurrent: number, maxQueued: number) {
    this.#source = source
    this.#maxConcurrent = maxConcurrent
    this.#maxQueued = maxQueued
  }

  one<R>(_verb: Verb, run: () => MaybePromise<R>): MaybePromise<R> {
    if (this.#full()) throw this.#overloaded()
    return this.#admit(run)
  }

  many<R>(
    _verb: Verb,
    count: number,
    run: () => MaybePromise<ItemResult<R>[]>,
  ): MaybePromise<ItemResult<R>[]> {
    if (!this.#full()) return this.#admit(run)
    const error = this.#overloaded()
    return Array.from({ length: count }, () => failed(error))
  }

  close(): void {
    const error = closedError(this.#source)
    for (const waiter of this.#queue) waiter.fail(error)
    this.#queue.clear()
  }

  #full(): boolean {
    return this.#taken >= this.#maxConcurrent && this.#queue.size >= this.#maxQueued
  }

  #admit<R>(run: () => MaybePromise<R>): MaybePromise<R> {
    if (this.#taken < this.#maxConcurrent) return this.#occupy(run)
    return new Promise<R>((resolve, reject) => {
      this.#queue.add({
        start: () => {
          try {
            resolve(this.#occupy(run))
          } catch (error) {
            reject(error)
          }
        },
        fail: reject,
      })
    })
  }

  #occupy<R>(run: () => MaybePromise<R>): MaybePromise<R> {
    this.#taken += 1
    let answer: MaybePromise<R>
    try {
      answer = run()
    } catch (error) {
      this.#leave()
      throw error
    }
    if (isPromise(answer)) return answer.finally(() => this.#leave())
    this.#leave()
    return answer
  }

  #leave(): void {
    this.#taken -= 1
    // One loop calls all: operations that are answered at once would otherwise nest as deep as the queue is long.
    if (this.#calling) return
    this.#calling = true
    for (const waiter of this.#queue) {
      if (this.#taken >= this.#maxConcurrent) break
      this.#queue.delete(waiter)
      waiter.start()
    }
    this.#calling = false
  }

  #overloaded(): CacheError<'OVERLOADED'> {
    const source = this.#source
    const maxConcurrent = this.#maxConcurrent
    const maxQueued = this.#maxQueued
    return new CacheError(
      'OVERLOADED',
      `backend "${source}" has ${maxConcurrent} operations running and ${maxQueued} waiting`,
      { details: { source, maxConcurrent, maxQueued } },
    )
  }
}
