import type { Clock, Timer } from '@hitbox/core'
import type { Entries } from './entries.ts'

/** Places looked at in one turn of the event loop: some tens of microseconds. */
export const PLACES_PER_STEP = 2_000
const STEP_PAUSE_MS = 10
/** Rest between two walks, and between the end of an entry and the walk for it: who asks until then learns that it has ended. */
const REST_MS = 1_000

/**
 * Removes what nobody reads any more: walks over all places, a few per turn, when the first entry has ended, and waits without a
 * timer while nothing can end.
 */
export class Sweeper {
  readonly #entries: Entries
  readonly #clock: Clock
  #timer: Timer | undefined
  /** When the timer fires; `Infinity` without one. */
  #wakeAt = Number.POSITIVE_INFINITY
  /** No entry behind the walk ends before this. */
  #earliest = Number.POSITIVE_INFINITY
  /** The place the walk under way looks at next. */
  #next = 0

  constructor(entries: Entries, clock: Clock) {
    this.#entries = entries
    this.#clock = clock
  }

  /** Takes note of an entry that has been added. */
  added(expiresAt: number): void {
    if (expiresAt < this.#earliest) this.#earliest = expiresAt
    // Late by another rest, so that ever shorter lives do not set a timer each.
    if (this.#next === 0 && expiresAt < this.#wakeAt - 2 * REST_MS) this.#wakeFor(expiresAt)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#wakeAt = Number.POSITIVE_INFINITY
    this.#earliest = Number.POSITIVE_INFINITY
    this.#next = 0
  }

  #wakeFor(expiresAt: number): void {
    if (expiresAt === Number.POSITIVE_INFINITY) return
    const now = this.#clock.now()
    this.#sleepUntil(Math.max(expiresAt, now) + REST_MS, now)
  }

  #sleepUntil(wakeAt: number, now: number): void {
    this.#timer?.cancel()
    this.#wakeAt = wakeAt
    this.#timer = this.#clock.setTimeout(this.#step, wakeAt - now)
  }

  readonly #step = (): void => {
    this.#timer = undefined
    this.#wakeAt = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    if (this.#next === 0) this.#earliest = Number.POSITIVE_INFINITY
    const { places } = this.#entries
    const end = Math.min(places, this.#next + PLACES_PER_STEP)
    for (let place = this.#next; place < end; place += 1) this.#look(place, now)
    this.#next = end < places ? end : 0
    if (this.#next === 0) this.#wakeFor(this.#earliest)
    else this.#sleepUntil(now + STEP_PAUSE_MS, now)
  }

  #look(place: number, now: number): void {
    const entry = this.#entries.entryAt(place)
    if (entry === undefined) return
    if (entry.expiresAt > now) {
      if (entry.expiresAt < this.#earliest) this.#earliest = entry.expiresAt
      return
    }
    const key = this.#entries.keyAt(place)
    if (key !== undefined) this.#entries.delete(key)
  }
}
