import type { Clock } from '@hitbox/core'

/**
 * How far an entry's end must lie beyond a remembered moment to be believed without reading the clock. It covers an event
 * loop that was blocked since the moment was taken.
 */
export const MARGIN_MS = 1_000

/** Reads answered from memory before the clock is read again, for a loop that never lets timers run. */
const READS_PER_MOMENT = 64

/** Moments for free: a little late, never early, and exact on request. */
export class CheapTime {
  readonly #clock: Clock
  #moment = 0
  #left = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  /** Not after {@link now}; behind it by at most one turn of the event loop or 64 calls, whichever is less. */
  recent(): number {
    if (this.#left === 0) return this.#read()
    this.#left -= 1
    const recent = this.#clock.recent()
    return recent > this.#moment ? recent : this.#moment
  }

  #read(): number {
    this.#left = READS_PER_MOMENT
    this.#moment = this.#clock.now()
    return this.#moment
  }
}
