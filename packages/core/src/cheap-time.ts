import type { Clock } from './clock.ts'

/**
 * How far ahead a moment must lie to be believed to come without reading the clock. It covers an event loop that was blocked
 * since the clock was last read.
 */
const MARGIN_MS = 1_000

/** Answers from memory before the clock is read again, for a loop that never lets timers run. */
const ANSWERS_PER_READ = 64

/**
 * Tells for free of most moments whether they are still to come: reading the clock costs more than a hit. Gives no numbers away: one
 * that is passed between functions is an object on the heap, unless the compiler is in luck.
 */
export class CheapTime {
  readonly #clock: Clock
  #moment = 0
  #left = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether `moment` is still to come: by a remembered moment when it is far off, else by the clock. */
  isAhead(moment: number): boolean {
    return this.#isFarAhead(moment) || moment > this.#clock.now()
  }

  /** Whether `moment` is still to come, for certain: `false` when the clock would have to be read. */
  #isFarAhead(moment: number): boolean {
    if (this.#left === 0) this.#read()
    this.#left -= 1
    const earliest = moment - MARGIN_MS
    return earliest > this.#moment && earliest > this.#clock.recent()
  }

  #read(): void {
    this.#left = ANSWERS_PER_READ
    this.#moment = this.#clock.now()
  }
}
