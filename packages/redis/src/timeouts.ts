import type { Clock, Timer } from '@hitbox/core'

/** Something that must be over in time. Its links belong to {@link Timeouts}. */
export abstract class Timed {
  /** When its time is over; set when it is added. */
  due = 0
  earlier: Timed | undefined = undefined
  later: Timed | undefined = undefined

  /** Whether {@link Timed.linger} was called. */
  lingers = false

  /** Called once, when a third of the time is over and it was not removed. */
  abstract linger(): void
  /** Called once, when the time is over and it was not removed. */
  abstract expire(): void
}

/**
 * Bounds many waits by one length of time with one timer, like `Deadlines` of core. The waits are what it links, so that one
 * costs no object and no promise of its own, and it also tells those that linger.
 */
export class Timeouts {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #lingerMs: number
  /** In the order of their ends. */
  #first: Timed | undefined
  #last: Timed | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#lingerMs = timeoutMs / 3
  }

  /** @param due - When its time is over, where it goes on with what something else began; else a whole time from now. */
  add(timed: Timed, due: number = this.#clock.now() + this.#timeoutMs): void {
    timed.due = due
    let before = this.#last
    while (before !== undefined && before.due > due) before = before.earlier
    timed.earlier = before
    timed.later = before === undefined ? this.#first : before.later
    if (timed.later === undefined) this.#last = timed
    else timed.later.earlier = timed
    if (before === undefined) this.#first = timed
    else before.later = timed
    if (this.#timer === undefined) this.#wake(this.#lingerMs)
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
    const old = now + this.#timeoutMs - this.#lingerMs
    let timed = this.#first
    for (; timed !== undefined && timed.due <= old; timed = timed.later) {
      if (timed.lingers) continue
      timed.lingers = true
      timed.linger()
    }
    // A timer of another turn may have been set by what was called.
    const next = this.#first
    if (next !== undefined && this.#timer === undefined) {
      this.#wake(Math.min(next.due - now, this.#lingerMs))
    }
  }

  #wake(delayMs: number): void {
    this.#timer = this.#clock.setTimeout(this.#tick, Math.max(1, delayMs))
  }
}
