/** A callback that waits for its time. */
export interface Timer {
  /** Forgets the callback; does nothing once it has run. */
  cancel(): void
}

/**
 * Time, as everything in this framework sees it. Moments are milliseconds on one process's own line:
 * they may be compared with each other and never with those of another machine.
 */
export interface Clock {
  /** This moment, exact. Never goes backwards. */
  now(): number
  /** A moment not after {@link Clock.now} and at most one turn of the event loop behind it; costs a field read. */
  recent(): number
  /**
   * Calls back once, `delayMs` from now, without keeping the process alive.
   *
   * @param delayMs - Any length: one past 2^31 ms is waited out in parts, `Infinity` never calls.
   */
  setTimeout(callback: () => void, delayMs: number): Timer
}

/** Longest delay Node's own timers take; a longer one fires at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1

class LongTimer implements Timer {
  readonly #callback: () => void
  #leftMs: number
  #handle: NodeJS.Timeout | undefined

  constructor(callback: () => void, delayMs: number) {
    this.#callback = callback
    this.#leftMs = delayMs
    this.#arm()
  }

  cancel(): void {
    clearTimeout(this.#handle)
  }

  #arm(): void {
    if (this.#leftMs === Number.POSITIVE_INFINITY) return
    const part = Math.min(Math.max(this.#leftMs, 0), LONGEST_DELAY_MS)
    this.#leftMs -= part
    // Node may fire up to 1 ms early; a deadline that is not yet due would be asked for again.
    this.#handle = setTimeout(
      () => (this.#leftMs > 0 ? this.#arm() : this.#callback()),
      Math.ceil(part),
    )
    this.#handle.unref()
  }
}

/** Read once: asking for it costs half as much as the time itself. */
const ORIGIN_MS: number = performance.timeOrigin

class SystemClock implements Clock {
  // Also `undefined`, so that the engine keeps a reference: a field of numbers only makes a new one at every read.
  #recent: number | undefined
  readonly #forget = (): void => {
    this.#recent = undefined
  }

  now(): number {
    return ORIGIN_MS + performance.now()
  }

  recent(): number {
    if (this.#recent === undefined) {
      this.#recent = this.now()
      setTimeout(this.#forget, 1).unref()
    }
    return this.#recent
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    return new LongTimer(callback, delayMs)
  }
}

/**
 * The clock of this process: monotonic, counted from the wall clock's reading when the process began.
 * A moment therefore reads like a date, yet no change of the wall clock moves it.
 */
export const systemClock: Clock = new SystemClock()
