import type { Clock, Timer } from '@hitbox/core'

/** Something that must be over in time. Its links belong to {@link Timeouts}. */
export abstract class Timed {
  /** When its time is over; set when it is added. */
  due = 0
  earlier: Timed | undefined = undefined
  later: Timed | undefined = undefined

  /** Called once, when the time is over and it was not removed. */
  abstract expire(): void
}

/**
 * Bounds many waits by one length of time with one timer. Unlike `Deadlines` of core it forgets a wait as soon as that is
 * removed: at 100,000 operations a second, what is kept for the rest of a second made the garbage collector take half the time.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In the order of their ends, since all wait equally long. */
  #first: Timed | undefined
  #last: Timed | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  add(timed: Timed): void {
    timed.due = this.#clock.now() + this.#timeoutMs
    const last = this.#last
    timed.earlier = last
    if (last === undefined) this.#first = timed
    else last.later = timed
    this.#last = timed
    if (this.#timer === undefined) this.#timer = this.#clock.setTimeout(this.#tick, this.#timeoutMs)
  }

  remove(timed: Timed): void {
    const { earlier, later } = timed
    if (earlier !== undefined) earlier.later = later
    else if (this.#first === timed) this.#first = later
    if (later !== undefined) later.earlier = earlier
    else if (this.#last === timed) this.#last = earlier
    // Else an old one that is garbage would keep its young neighbours.
    timed.earlier = undefined
    timed.later = undefined
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let timed = this.#first; timed !== undefined && timed.due <= now; timed = this.#first) {
      this.remove(timed)
      timed.expire()
    }
    // A timer of another turn may have been set by what expired.
    const first = this.#first
    if (first !== undefined) this.#timer ??= this.#clock.setTimeout(this.#tick, first.due - now)
  }
}
