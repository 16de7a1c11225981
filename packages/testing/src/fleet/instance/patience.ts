import type { OwnTime } from './own-time.ts'

interface Waiting {
  readonly since: number
  readonly leave: () => void
}

const EVERY_MS = 50

/** What a call is told to have failed with when nobody waits for it any longer. */
export class AbandonedError extends Error {
  readonly code = 'ABANDONED'
}

/** Waits for calls, but not for ever: by the process's own time, so that a frozen process abandons nothing. */
export class Patience {
  readonly #time: OwnTime
  readonly #waiting = new Set<Waiting>()
  readonly #timer = setInterval(() => this.#look(), EVERY_MS)
  #limitMs: number

  constructor(time: OwnTime, limitMs: number) {
    this.#time = time
    this.#limitMs = limitMs
    this.#timer.unref()
  }

  /** Rejects with {@link AbandonedError} when it takes too long; what comes of `call` afterwards is nobody's concern. */
  wait<T>(call: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => reject(new AbandonedError('nobody waits for this call any longer'))
      const waiting = { since: this.#time.now(), leave }
      this.#waiting.add(waiting)
      const done = (): void => void this.#waiting.delete(waiting)
      call.then(resolve, reject).finally(done)
    })
  }

  /** Waits no longer than that, from now on. */
  limit(limitMs: number): void {
    this.#limitMs = limitMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = this.#time.now()
    for (const { since, leave } of this.#waiting) if (now - since > this.#limitMs) leave()
  }
}
