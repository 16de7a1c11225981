import { machineTime } from '../../history/machine-time.ts'

const EVERY_MS = 10
/** Later than this the loop was not merely busy: the process was frozen, or a fault blocked it. */
const TOLERATED_MS = 30

/**
 * Time of this process as it feels it: stands still while the process is frozen or its loop is blocked, so that a call is
 * not blamed for what happened to its process.
 */
export class OwnTime {
  #last: number = machineTime()
  #lostMs = 0
  readonly #timer = setInterval(() => this.now(), EVERY_MS)

  constructor() {
    this.#timer.unref()
  }

  now(): number {
    const now = machineTime()
    const gap = now - this.#last
    if (gap > TOLERATED_MS) this.#lostMs += gap - EVERY_MS
    this.#last = now
    return now - this.#lostMs
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
