import { CacheError, type Timer } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Policy } from '../policy.ts'
import type { State } from '../state/state.ts'
import type { Flight, Runner } from './flight.ts'
import { landAll } from './landing.ts'
import { type Loader, Loading } from './loading.ts'
import { reportLoad } from './report.ts'

/** One run of a loader for one flight. */
export class Attempt implements Runner {
  readonly #engine: Engine
  readonly #policy: Policy
  readonly #startedAt: number
  // Let go of at the end: a loader that never settles keeps this object, and nothing else.
  #flight: Flight | undefined
  #loading: Loading | undefined
  #trace: State[] | undefined
  #timer: Timer | undefined

  constructor(engine: Engine, policy: Policy, flight: Flight, trace: State[] | undefined) {
    this.#engine = engine
    this.#policy = policy
    this.#flight = flight
    this.#trace = trace
    this.#startedAt = engine.clock.now()
  }

  start(load: Loader, previous: Loading['previous']): void {
    const flight = this.#flight as Flight
    const { hardTimeoutMs, asyncContext } = this.#policy
    const loading = new Loading(previous)
    this.#loading = loading
    flight.add(this)
    loading.onTags = (tags) => flight.addTags(tags)
    this.#trace?.push('load')
    reportLoad(this.#engine, flight, this.#policy.announcer, 'started', this.#startedAt)
    this.#timer = this.#engine.clock.setTimeout(() => this.#timeOut(), hardTimeoutMs)
    try {
      const answer = asyncContext === 'caller' ? load(loading) : this.#engine.outside(load, loading)
      this.#engine.outside(() => this.#follow(Promise.resolve(answer)))
    } catch (error) {
      // Not at once: who calls at the same moment shares the failure, however it comes.
      this.#engine.outside(() => this.#follow(Promise.reject(error)))
    }
  }

  /** Called outside, so that a loader that never settles keeps nothing of its first caller's async context. */
  #follow(answer: Promise<unknown>): void {
    answer.then(
      (data) => this.#succeeded(data),
      (error: unknown) => this.#failed('failed', error),
    )
  }

  abandon(flight: Flight, reason: unknown): void {
    const loading = this.#loading
    if (this.#end() === undefined) return
    reportLoad(this.#engine, flight, this.#policy.announcer, 'abandoned', this.#startedAt)
    loading?.abort(reason)
  }

  #succeeded(data: unknown): void {
    const loading = this.#loading
    const trace = this.#trace
    const flight = this.#end()
    if (flight === undefined || loading === undefined) return
    reportLoad(this.#engine, flight, this.#policy.announcer, 'done', this.#startedAt)
    flight.done(this)
    const loadMs = this.#engine.clock.now() - this.#startedAt
    landAll(this.#engine, this.#policy, loading, [{ flight, data, loadMs, trace }])
  }

  #timeOut(): void {
    const loading = this.#loading
    const error = lateLoad(this.#engine.label, this.#policy.hardTimeoutMs)
    this.#failed('timed-out', error)
    loading?.abort(error)
  }

  #failed(state: 'failed' | 'timed-out', error: unknown): void {
    const flight = this.#end()
    if (flight === undefined) return
    reportLoad(this.#engine, flight, this.#policy.announcer, state, this.#startedAt, error)
    failFlight(this.#engine, this.#policy, flight, this, error)
  }

  /** @returns the flight, the first time. */
  #end(): Flight | undefined {
    const flight = this.#flight
    this.#timer?.cancel()
    this.#flight = undefined
    this.#loading = undefined
    this.#trace = undefined
    this.#timer = undefined
    return flight
  }
}

/** Takes note that one runner of a flight has failed, and ends the flight with it when it was the last. */
export function failFlight(
  engine: Engine,
  policy: Policy,
  flight: Flight,
  runner: Runner,
  error: unknown,
): void {
  if (!flight.fail(runner, error)) return
  // Counts only where it is made use of: to spare the next tries for an old value, or to share the failure.
  const counts = !flight.blank || policy.errorTtlMs > 0
  if (counts && !flight.detached) {
    engine.failures.note(flight, error, policy, engine.clock.now())
  }
  engine.flights.release(flight)
  engine.flights.ended(flight)
}

export function lateLoad(label: string, timeoutMs: number): CacheError<'TIMEOUT'> {
  const source = `${label}.upstream`
  return new CacheError('TIMEOUT', `a load of "${label}" took longer than ${timeoutMs} ms`, {
    details: { source, operation: 'read', timeoutMs },
  })
}
