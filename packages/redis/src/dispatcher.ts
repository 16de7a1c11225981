import { CacheError, type Clock, Deadlines, type Operation } from '@hitbox/core'
import type { Exchange } from './exchange.ts'
import type { Route } from './line.ts'
import { Run } from './run.ts'
import { type Timed, Timeouts } from './timeouts.ts'

export interface DispatcherSettings {
  readonly label: string
  readonly clock: Clock
  readonly responseTimeoutMs: number
  readonly retries: number
  readonly maxPending: number
}

/** What may differ between operations. */
export interface RunTerms {
  /** Commands it stands for. A batch is let in whole while there is room for one. @defaultValue 1 */
  readonly weight?: number | undefined
  /** When its time is over. @defaultValue a whole `responseTimeout` from now */
  readonly due?: number | undefined
  /** Whether it asks what {@link LinkHooks.consult} would ask. @defaultValue false */
  readonly asks?: boolean | undefined
  /** @defaultValue those of the settings */
  readonly retries?: number | undefined
}

const USUAL_TERMS: RunTerms = Object.freeze({})

/**
 * Runs operations: each settles within `responseTimeout`, whatever happens to the connection, the wait for it included.
 * The number of those under way is bounded, so that a server that stands still costs no memory.
 */
export class Dispatcher {
  readonly settings: DispatcherSettings
  readonly #timeouts: Timeouts
  #pending = 0
  #drained: (() => void) | undefined

  constructor(settings: DispatcherSettings) {
    this.settings = settings
    this.#timeouts = new Timeouts(settings.clock, settings.responseTimeoutMs)
  }

  /**
   * Settles when the exchange is done, and fails when its time is over first.
   *
   * @throws {@link CacheError} rejects with `TIMEOUT`, `OVERLOADED`, `BACKEND_FAILED` or `CLOSED`.
   */
  run<R, Replies>(
    operation: Operation,
    route: Route,
    exchange: Exchange<R, Replies>,
    terms: RunTerms = USUAL_TERMS,
  ): Promise<R> {
    const { weight = 1, due } = terms
    if (this.#pending >= this.settings.maxPending) return Promise.reject(this.#overloaded())
    this.#pending += weight
    return new Promise((resolve, reject) => {
      const run = new Run(this, operation, route, exchange, terms, resolve, reject)
      this.#timeouts.add(run, due)
      run.attempt()
    })
  }

  /** Called when nothing of an operation is under way any more, which may be after its time. */
  over(run: Timed, weight: number): void {
    this.#timeouts.remove(run)
    this.#pending -= weight
    if (this.#pending === 0) this.#drained?.()
  }

  /** Resolves when nothing is under way any more, at the latest after `responseTimeout`. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    const { clock, responseTimeoutMs } = this.settings
    const late = (): Error => new Error('not idle in time')
    await new Deadlines(clock, responseTimeoutMs).race(drained, late).catch(() => undefined) // then it is ended by force
  }

  #overloaded(): CacheError<'OVERLOADED'> {
    const { label: source, maxPending } = this.settings
    const message = `backend "${source}" has ${this.#pending} commands under way, which is all that "maxPending" allows`
    const details = { source, maxConcurrent: maxPending, maxQueued: 0 }
    return new CacheError('OVERLOADED', message, { details })
  }
}
