import type { Clock, Timer } from '@hitbox/core'
import type { Line } from '../line.ts'
import type { Session } from '../session.ts'

/** A connection that tells changes, and since when it has told all of them. */
export class Member {
  readonly line: Line
  readonly session: Session
  /** All that was acknowledged before this moment has been told; `-Infinity` while nothing is promised. */
  fence: number
  live = true
  /** Whether the server said that others ask to be told by those who change something. */
  othersListen = false
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(line: Line, session: Session, clock: Clock) {
    this.line = line
    this.session = session
    this.#clock = clock
    // One that takes no writes may be behind the one that does.
    this.fence = session.facts.primary ? session.tracking.since : Number.NEGATIVE_INFINITY
  }

  /** Whether the server tells. */
  get tracked(): boolean {
    return this.session.tracking.on
  }

  /** Has it looked after, again and again, as long as it is there. @param look - Resolves when it may be looked after again. */
  beat(everyMs: number, look: (member: Member) => Promise<unknown>): void {
    this.#timer = this.#clock.setTimeout(() => {
      if (!this.live) return
      const again = (): void => {
        if (this.live) this.beat(everyMs, look)
      }
      void look(this).then(again, again)
    }, everyMs)
  }

  /** Lets it rest. */
  end(): void {
    this.live = false
    this.#timer?.cancel()
  }
}
