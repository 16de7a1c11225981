import { type CacheValue, chain, isPromise, type MaybePromise } from '@hitbox/core'
import type { TierSet } from '../tier-set.ts'
import { together } from '../together.ts'

/**
 * The most frequent write: one key, lowest tier first. The same as `writeThrough` of a batch of one, without its lists,
 * which would cost as much as the command that a remote tier sends.
 */
export class OneThrough {
  readonly #set: TierSet
  readonly #text: string
  readonly #value: CacheValue<unknown>
  /** When the lowest tier was asked to take it, where that matters. */
  readonly #askedAt: number | undefined

  constructor(set: TierSet, text: string, value: CacheValue<unknown>) {
    this.#set = set
    this.#text = text
    this.#value = value
    this.#askedAt = set.timesCopies ? set.clock.now() : undefined
  }

  run(): MaybePromise<void> {
    this.#set.guard.beginChange(this.#text)
    return chain(this.#put(this.#set.lowest), (failure) => this.#bringInLine(failure))
  }

  #put(tier: number): MaybePromise<unknown> {
    return this.#set.put(tier, this.#text, this.#value, 'write', this.#askedAt)
  }

  #bringInLine(failure: unknown): MaybePromise<void> {
    const { lowest, guard } = this.#set
    const keep = failure === undefined && !guard.contended(this.#text)
    let lost = failure
    let waits: MaybePromise<unknown>[] | undefined
    for (let tier = 0; tier < lowest; tier += 1) {
      const answer = keep ? this.#take(tier) : this.#drop(tier)
      if (isPromise(answer)) waits = [...(waits ?? []), answer]
      else lost ??= answer
    }
    if (waits === undefined) return this.#end(lost)
    return chain(together(waits), (late) =>
      this.#end(lost ?? late.find((each) => each !== undefined)),
    )
  }

  /** @returns why this upper tier may hold neither the new value nor nothing. */
  #take(tier: number): MaybePromise<unknown> {
    return chain(this.#put(tier), (failure) =>
      // A write that failed may have left the old value.
      failure === undefined
        ? undefined
        : chain(this.#drop(tier), (held) => (held === undefined ? undefined : failure)),
    )
  }

  #drop(tier: number): MaybePromise<unknown> {
    return chain(this.#set.remove(tier, [this.#text], true), ([result]) =>
      result?.ok === false ? result.error : undefined,
    )
  }

  #end(failure: unknown): void {
    this.#set.guard.endChange(this.#text)
    if (failure !== undefined) throw failure
    this.#set.tally.written(this.#text)
  }
}
