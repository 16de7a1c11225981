import type { Clock, Timer } from './clock.ts'

/** Somebody who waits; linked to who began before and after. */
interface Wait {
  readonly at: number
  readonly onTimeout: () => void
  earlier: Wait | undefined
  later: Wait | undefined
}

/**
 * Bounds many waits by one length of time with one timer, where a timer or an `AbortSignal` for each would cost more than
 * the operation it guards. Fires within about a millisecond after the deadline. A wait is forgotten as soon as it settles:
 * kept until its time, the waits of a busy second would outlive the young generation of the garbage collector.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In the order of their deadlines, since all wait equally long. */
  #first: Wait | undefined
  #last: Wait | undefined
  #timer: Timer | undefined
  #closing = false

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Settles like `work`, or rejects with what `late` makes when the time is over first. The work itself goes on. */
  race<T>(work: Promise<T>, late: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const wait = this.#add(() => reject(late()))
      work.then(
        (value) => {
          this.#remove(wait)
          resolve(value)
        },
        (error: unknown) => {
          this.#remove(wait)
          reject(error)
        },
      )
    })
  }

  /** Gives up the timer, now or as soon as nobody waits. To be called when no more waits begin. */
  close(): void {
    this.#closing = true
    this.#rest()
  }

  #rest(): void {
    if (!this.#closing || this.#first !== undefined) return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #add(onTimeout: () => void): Wait {
    const at = this.#clock.now() + this.#timeoutMs
    const wait: Wait = { at, onTimeout, earlier: this.#last, later: undefined }
    if (this.#last === undefined) this.#first = wait
    else this.#last.later = wait
    this.#last = wait
    this.#timer ??= this.#clock.setTimeout(this.#expire, this.#timeoutMs)
    return wait
  }

  /** Does nothing to a wait that is removed already. */
  #remove(wait: Wait): void {
    const { earlier, later } = wait
    if (earlier !== undefined) earlier.later = later
    else if (this.#first === wait) this.#first = later
    if (later !== undefined) later.earlier = earlier
    else if (this.#last === wait) this.#last = earlier
    // An old wait that is garbage would else hold on to its young neighbours.
    wait.earlier = undefined
    wait.later = undefined
    this.#rest()
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let wait = this.#first; wait !== undefined && wait.at <= now; wait = this.#first) {
      this.#remove(wait)
      wait.onTimeout()
    }
    // What was called may have begun a wait, and with it the timer.
    if (this.#first !== undefined) {
      this.#timer ??= this.#clock.setTimeout(this.#expire, this.#first.at - now)
    }
  }
}
