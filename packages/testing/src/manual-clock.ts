import { type Clock, type DurationInput, invalidOption, type Timer, toDuration } from '@hitbox/core'

/** A {@link Clock} that stands still until it is told to move, so that tests of time neither sleep nor guess. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and fires every timer that falls due, in the order of their moments; timers which their callbacks set
   * fire too when they fall due on the way. During a callback the clock shows that timer's own moment.
   *
   * @param by - A duration, or a bare number of milliseconds.
   */
  advance(by: DurationInput | number): void
  /** How many timers wait. Those set for `Infinity` never fire and are not counted. */
  readonly pendingTimers: number
}

/** Options of {@link manualClock}. */
export interface ManualClockOptions {
  /** The first moment, in ms. @defaultValue 1_700_000_000_000, so that moments read like those of the system clock */
  readonly startAt?: number | undefined
}

/**
 * Makes a clock for tests.
 *
 * @example
 * ```ts
 * import { manualClock } from '@hitbox/testing'
 *
 * const clock = manualClock()
 * clock.setTimeout(() => console.log('five seconds later'), 5_000)
 * clock.advance('5s')
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when `startAt` is not a finite number.
 */
export function manualClock(options: ManualClockOptions = {}): ManualClock {
  return new SteppedClock(options.startAt ?? 1_700_000_000_000)
}

interface Waiting extends Timer {
  readonly at: number
  readonly callback: () => void
}

class SteppedClock implements ManualClock {
  #now: number
  /** In the order in which they fall due; of equal moments, in the order in which they were set. */
  #timers: Waiting[] = []

  constructor(startAt: number) {
    if (!Number.isFinite(startAt)) throw invalidOption('startAt', 'a finite number', startAt)
    this.#now = startAt
  }

  get pendingTimers(): number {
    return this.#timers.length
  }

  now(): number {
    return this.#now
  }

  recent(): number {
    return this.#now
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const at = this.#now + Math.max(0, delayMs)
    const timer: Waiting = { at, callback, cancel: () => this.#forget(timer) }
    if (at === Number.POSITIVE_INFINITY) return timer
    const later = this.#timers.findIndex((other) => other.at > at)
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer)
    return timer
  }

  advance(by: DurationInput | number): void {
    const byMs = typeof by === 'number' ? by : toDuration(by, 'by')
    if (!(byMs >= 0 && Number.isFinite(byMs))) {
      throw invalidOption('by', 'a finite length of time of 0 or more', by)
    }
    const until = this.#now + byMs
    for (let next = this.#timers[0]; next !== undefined && next.at <= until;) {
      this.#timers.shift()
      this.#now = Math.max(this.#now, next.at)
      next.callback()
      next = this.#timers[0]
    }
    this.#now = Math.max(this.#now, until)
  }

  #forget(timer: Waiting): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }
}
