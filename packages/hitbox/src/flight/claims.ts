/** Somebody who waits for news of a key. */
export interface Waker {
  /** There is news, or may be. */
  wake(): void
}

/** Who waits for others to make a value, by key. */
export class Claims {
  readonly #byKey = new Map<string, Set<Waker>>()

  /** Keys that somebody waits for; 0 at rest. */
  get size(): number {
    return this.#byKey.size
  }

  add(text: string, waker: Waker): void {
    const wakers = this.#byKey.get(text)
    if (wakers === undefined) this.#byKey.set(text, new Set([waker]))
    else wakers.add(waker)
  }

  remove(text: string, waker: Waker): void {
    const wakers = this.#byKey.get(text)
    if (wakers?.delete(waker) === true && wakers.size === 0) this.#byKey.delete(text)
  }

  wake(text: string): void {
    const wakers = this.#byKey.get(text)
    if (wakers !== undefined) for (const waker of wakers) waker.wake()
  }

  wakeAll(): void {
    for (const text of this.#byKey.keys()) this.wake(text)
  }
}
