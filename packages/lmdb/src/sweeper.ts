import type { Clock, Timer } from '@hitbox/core'
import type { Environment } from './environment.ts'
import { endOf, firstStampAt, STAMP_BYTES } from './stamp.ts'
import { wallTime } from './wall-time.ts'

/** Entries that one turn removes at most: a few milliseconds, in which other processes wait with their writes. */
const MOST_PER_TURN = 256
const PAUSE_MS = 20

export interface SweeperOptions {
  readonly environment: Environment
  readonly clock: Clock
  readonly everyMs: number
  readonly onError: (error: unknown) => void
}

/** Removes entries that have ended, from the front of the order of ends; a look that finds none costs microseconds. */
export class Sweeper {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #everyMs: number
  readonly #onError: (error: unknown) => void
  #timer: Timer | undefined

  constructor({ environment, clock, everyMs, onError }: SweeperOptions) {
    this.#environment = environment
    this.#clock = clock
    this.#everyMs = everyMs
    this.#onError = onError
    this.#wait(everyMs)
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.setTimeout(this.#turn, ms)
  }

  readonly #turn = (): void => {
    let removed = 0
    try {
      removed = this.#sweep()
    } catch (error) {
      this.#onError(error)
    }
    this.#wait(removed === MOST_PER_TURN ? Math.min(PAUSE_MS, this.#everyMs) : this.#everyMs)
  }

  #sweep(): number {
    const now = wallTime()
    if (!this.#environment.hasEndBefore(firstStampAt(now + 1))) return 0
    // Looked up again inside: another process may sweep too.
    return this.#environment.write(() => {
      const { entries, ends } = this.#environment
      const ended = this.#ended(now, MOST_PER_TURN)
      for (const [stamp, key] of ended) {
        const stored = entries.getBinary(key)
        // A record without its entry is what an overwrite in another process may leave behind.
        if (stored !== undefined && stamp.equals(stored.subarray(0, STAMP_BYTES)))
          entries.removeSync(key)
        ends.removeSync(stamp)
      }
      return ended.length
    })
  }

  #ended(now: number, limit: number): [Buffer, Buffer][] {
    const found: [Buffer, Buffer][] = []
    for (const { key, value } of this.#environment.ends.getRange({
      end: firstStampAt(now + 1),
      limit,
    })) {
      if (endOf(key) <= now) found.push([Buffer.from(key), Buffer.from(value)])
    }
    return found
  }
}
