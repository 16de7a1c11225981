/** How often is looked whether the event loop turns, and how much later than that is none of its own business. */
const EVERY_MS = 5
const USUAL_MS = 10

/**
 * Time in which this process could do something: deadlines are kept by who runs, and on a busy machine that is not always the case.
 * What holds up the event loop for longer than a moment is left out.
 */
export class OwnTime implements Disposable {
  #last = performance.now()
  #heldUpMs = 0
  readonly #timer: NodeJS.Timeout

  constructor() {
    this.#timer = setInterval(() => {
      this.#heldUpMs += this.#excess()
      this.#last = performance.now()
    }, EVERY_MS).unref()
  }

  now(): number {
    return performance.now() - this.#heldUpMs - this.#excess()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  /** By how much the next look is late already. */
  #excess(): number {
    const late = performance.now() - this.#last - EVERY_MS
    return late > USUAL_MS ? late : 0
  }
}
