import { type Clock, systemClock, toDuration } from '@hitbox/core'
import { type Deferred, deferred } from '../deferred.ts'
import type { Disturbance } from './plan.ts'

/** What chaos lets a test do and see. */
export interface ChaosControls {
  /** Lets everything go on that hangs. What is called later may hang again. */
  release(): void
  /** Calls that hang now. */
  readonly hanging: number
  /** Calls so far, disturbed or not. */
  readonly calls: number
}

/** Options of {@link chaosBackend} and {@link chaosStore}. */
export interface ChaosOptions {
  /** By which delays are waited out. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/** The error of calls that are made to fail: not a `CacheError`, as a driver's would not be one. */
export class ChaosError extends Error {
  override readonly name = 'ChaosError'
}

/** Does to calls what it is told, and remembers which ones hang. */
export class Disturber implements ChaosControls {
  readonly #clock: Clock
  #hanging: Deferred<void>[] = []
  #calls = 0

  constructor(options: ChaosOptions) {
    this.#clock = options.clock ?? systemClock
  }

  get hanging(): number {
    return this.#hanging.length
  }

  get calls(): number {
    return this.#calls
  }

  /** Number of the next call. */
  count(): number {
    this.#calls += 1
    return this.#calls - 1
  }

  release(): void {
    const hanging = this.#hanging
    this.#hanging = []
    for (const { resolve } of hanging) resolve()
  }

  async disturb<T>(fault: Disturbance, run: () => T | Promise<T>): Promise<T> {
    if (fault === 'fail') throw new ChaosError('chaos made this call fail')
    if (fault === 'hang') await this.#hang()
    if (typeof fault === 'object') await this.#wait(toDuration(fault.delay, 'delay'))
    const answer = await run()
    if (fault === 'fail-after') throw new ChaosError('chaos lost the answer to this call')
    return answer
  }

  #hang(): Promise<void> {
    const wait = deferred()
    this.#hanging.push(wait)
    return wait.promise
  }

  #wait(delayMs: number): Promise<void> {
    const wait = deferred()
    this.#clock.setTimeout(wait.resolve, delayMs)
    return wait.promise
  }
}
