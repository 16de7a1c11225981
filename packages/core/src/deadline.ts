import type { Clock, Timer } from './clock.ts'

interface Wait {
  readonly at: number
  onTimeout: (() => void) | undefined
}

/**
 * Bounds many waits by one length of time with one timer, where a timer or an `AbortSignal` for each would cost more than
 * the operation it guards. Fires within about a millisecond after the deadline.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #timeoutMs: number
  /** In the order of their deadlines, since all wait equally long. One that has settled stays until its time, and is then passed over. */
  #waits: Wait[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** Settles like `work`, or rejects with what `late` makes when the time is over first. The work itself goes on. */
  race<T>(work: Promise<T>, late: () => Error): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const wait: Wait = {
        at: this.#clock.now() + this.#timeoutMs,
        onTimeout: () => reject(late()),
      }
      this.#add(wait)
      work.then(
        (value) => {
          wait.onTimeout = undefined
          resolve(value)
        },
        (error: unknown) => {
          wait.onTimeout = undefined
          reject(error)
        },
      )
    })
  }

  #add(wait: Wait): void {
    this.#waits.push(wait)
    this.#timer ??= this.#clock.setTimeout(this.#expire, this.#timeoutMs)
  }

  readonly #expire = (): void => {
    this.#timer = undefined
    const now = this.#clock.now()
    const waits = this.#waits
    let first = 0
    for (; first < waits.length; first += 1) {
      const wait = waits[first] as Wait
      if (wait.onTimeout !== undefined && wait.at > now) break
      const { onTimeout } = wait
      wait.onTimeout = undefined
      onTimeout?.()
    }
    this.#waits = waits.slice(first)
    const next = this.#waits[0]
    if (next !== undefined) this.#timer ??= this.#clock.setTimeout(this.#expire, next.at - now)
  }
}
