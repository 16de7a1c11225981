import { isPromise, type MaybePromise } from '@hitbox/core'

/**
 * Lets the operations on one key of one tier follow each other, so that a delete is never overtaken by a write that was
 * sent before it. Holds the operations in flight only, and nothing of a tier that answers at once.
 */
export class KeyOrder {
  readonly #tails = new Map<string, Promise<void>>()

  /** Keys with operations in flight; 0 at rest. */
  get size(): number {
    return this.#tails.size
  }

  /** Those keys. */
  get keys(): string[] {
    return [...this.#tails.keys()]
  }

  /** @param operation - Must neither throw nor reject. Begun at once when nothing is in flight for any of `keys`. */
  run<R>(keys: readonly string[], operation: () => MaybePromise<R>): MaybePromise<R> {
    const before = this.#before(keys)
    const answer = before === undefined ? operation() : before.then(operation)
    if (isPromise(answer)) this.#hold(keys, answer)
    return answer
  }

  /** {@link KeyOrder.run} for one key, without a list. */
  runOne<R>(key: string, operation: () => MaybePromise<R>): MaybePromise<R> {
    const before = this.#tails.size === 0 ? undefined : this.#tails.get(key)
    const answer = before === undefined ? operation() : before.then(operation)
    if (isPromise(answer)) this.#hold([key], answer)
    return answer
  }

  #before(keys: readonly string[]): Promise<unknown> | undefined {
    if (this.#tails.size === 0) return undefined
    const tails = keys.map((key) => this.#tails.get(key)).filter((tail) => tail !== undefined)
    return tails.length < 2 ? tails[0] : Promise.all(tails)
  }

  #hold(keys: readonly string[], answer: Promise<unknown>): void {
    const tail: Promise<void> = answer.then(() => {
      for (const key of keys) if (this.#tails.get(key) === tail) this.#tails.delete(key)
    })
    for (const key of keys) this.#tails.set(key, tail)
  }
}
