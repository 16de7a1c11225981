import { failed, type ItemResult, settleEach } from './batch.ts'
import type { Operation } from './errors.ts'
import { isPromise, type MaybePromise } from './maybe-promise.ts'
import type { Observer } from './observer.ts'

/** Runs what is asked of a store, so that each failure is counted, reported and of our kind. */
export class LiftedAttempts {
  readonly #observer: Observer
  readonly #assertOpen: () => void

  constructor(observer: Observer, assertOpen: () => void) {
    this.#observer = observer
    this.#assertOpen = assertOpen
  }

  /** Runs one operation. What comes after the store's answer is a function of its own: so one promise more is made, not one for each step. */
  one<In, Out>(
    operation: Operation,
    text: string,
    run: () => MaybePromise<In>,
    finish: (value: In) => MaybePromise<Out>,
  ): MaybePromise<Out> {
    this.#assertOpen()
    const fail = (error: unknown): never => {
      throw this.#observer.failure(operation, text, error)
    }
    const go = (value: In): MaybePromise<Out> => {
      try {
        const done = finish(value)
        return isPromise(done) ? done.catch(fail) : done
      } catch (error) {
        return fail(error)
      }
    }
    let answer: MaybePromise<In>
    try {
      answer = run()
    } catch (error) {
      return fail(error)
    }
    return isPromise(answer) ? answer.then(go, fail) : go(answer)
  }

  /** Runs a batch verb. When the verb fails as a whole, every item has failed. */
  batch<In, Out>(
    operation: Operation,
    texts: readonly string[],
    run: () => MaybePromise<ItemResult<In>[]>,
    finish: (value: In, index: number) => MaybePromise<Out>,
  ): MaybePromise<ItemResult<Out>[]> {
    this.#assertOpen()
    const settled = (results: readonly ItemResult<In>[]): MaybePromise<ItemResult<Out>[]> =>
      settleEach(texts, (text, index) => {
        const result = results[index] as ItemResult<In>
        if (result.ok) return finish(result.value, index)
        throw this.#observer.failure(operation, text, result.error)
      })
    const collapsed = (error: unknown): ItemResult<Out>[] =>
      texts.map((text) => failed(this.#observer.failure(operation, text, error)))
    try {
      const answer = run()
      return isPromise(answer) ? answer.then(settled, collapsed) : settled(answer)
    } catch (error) {
      return collapsed(error)
    }
  }
}
