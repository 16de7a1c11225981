import type { Clock } from '@hitbox/core'

/**
 * How far a moment must lie beyond a remembered one to be believed without reading the clock. It covers an event loop that
 * was blocked since.
 */
export const MARGIN_MS = 1_000

/** Reads answered from memory before the clock is read again, for a loop that never lets timers run. */
const READS_PER_MOMENT = 64

/** Moments for free: a little late, never early. The memory tier has its own, for the same reason: reading the clock is half a hit. */
export class CheapTime {
  readonly #clock: Clock
  #moment = 0
  #left = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether `moment` is still to come: by a remembered moment when it is far off, else by the clock. */
  before(moment: number): boolean {
    return moment - MARGIN_MS > this.#recent() || moment > this.#clock.now()
  }

  #recent(): number {
    if (this.#left === 0) {
      this.#left = READS_PER_MOMENT
      this.#moment = this.#clock.now()
      return this.#moment
    }
    this.#left -= 1
    const recent = this.#clock.recent()
    return recent > this.#moment ? recent : this.#moment
  }
}
