import { invalidOption, type Timer } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import { failFlight, lateLoad } from '../flight/attempt.ts'
import type { Flight, Runner } from '../flight/flight.ts'
import { landAll, type Loaded } from '../flight/landing.ts'
import { type LoadContext, Loading } from '../flight/loading.ts'
import { reportLoad } from '../flight/report.ts'
import type { Policy } from '../policy.ts'
import type { State } from '../state/state.ts'

/** What a batch loader is given; what it decides holds for the whole batch. */
export type BatchContext = Omit<LoadContext, 'previous'>

/** What a batch loader answers with: one value per key in their order, or a map by key. An `Error` fails its own key only. */
export type BatchResult<K> = readonly unknown[] | ReadonlyMap<K, unknown>

/** Makes many values in one go. */
export type BatchLoader<K> = (
  missing: readonly K[],
  context: BatchContext,
) => BatchResult<K> | PromiseLike<BatchResult<K>>

/** One key of a batch that is to be loaded. */
export interface Wanted<K> {
  readonly key: K
  readonly flight: Flight
  readonly trace: State[] | undefined
}

/** One run of a loader for many flights. It is aborted when none of them needs it any more. */
export class BatchLoad<K> implements Runner {
  readonly #engine: Engine
  readonly #policy: Policy
  readonly #startedAt: number
  /** Those that still need it; emptied at the end, so that a loader that never settles keeps nothing else. */
  #wanted: readonly Wanted<K>[]
  #loading: Loading | undefined = new Loading(undefined)
  #timer: Timer | undefined

  constructor(engine: Engine, policy: Policy, wanted: readonly Wanted<K>[]) {
    this.#engine = engine
    this.#policy = policy
    this.#wanted = wanted
    this.#startedAt = engine.clock.now()
  }

  start(load: BatchLoader<K>): void {
    const wanted = this.#wanted
    const loading = this.#loading as Loading
    loading.onTags = (tags) => {
      for (const { flight } of wanted) flight.addTags(tags)
    }
    for (const { flight, trace } of wanted) {
      flight.add(this)
      trace?.push('load')
      reportLoad(this.#engine, flight, this.#policy.announcer, 'started', this.#startedAt)
    }
    const { hardTimeoutMs, asyncContext } = this.#policy
    this.#timer = this.#engine.clock.setTimeout(() => this.#timeOut(), hardTimeoutMs)
    const keys = wanted.map(({ key }) => key)
    try {
      const answer =
        asyncContext === 'caller' ? load(keys, loading) : this.#engine.outside(load, keys, loading)
      this.#engine.outside(() => this.#follow(keys, Promise.resolve(answer)))
    } catch (error) {
      // Not at once: who calls at the same moment shares the failure, however it comes.
      this.#engine.outside(() => this.#follow(keys, Promise.reject(error)))
    }
  }

  /** Called outside, so that a loader that never settles keeps nothing of its first caller's async context. */
  #follow(keys: readonly K[], answer: Promise<BatchResult<K>>): void {
    answer.then(
      (result) => this.#succeeded(keys, result),
      (error: unknown) => this.#failed('failed', error),
    )
  }

  abandon(flight: Flight, reason: unknown): void {
    const left = this.#wanted.filter((wanted) => wanted.flight !== flight)
    if (left.length === this.#wanted.length) return
    reportLoad(this.#engine, flight, this.#policy.announcer, 'abandoned', this.#startedAt)
    this.#wanted = left
    if (left.length > 0) return
    const loading = this.#loading
    this.#end()
    loading?.abort(reason)
  }

  #succeeded(keys: readonly K[], result: BatchResult<K>): void {
    const loading = this.#loading
    const wanted = this.#end()
    if (loading === undefined || wanted.length === 0) return
    const { at, error: wrong } = reader(keys, result)
    const loadMs = this.#engine.clock.now() - this.#startedAt
    const loads: Loaded[] = []
    for (const { key, flight, trace } of wanted) {
      const data = wrong ?? at(key)
      if (data instanceof Error) this.#failOne(flight, 'failed', data)
      else {
        reportLoad(this.#engine, flight, this.#policy.announcer, 'done', this.#startedAt)
        flight.done(this)
        loads.push({ flight, data, loadMs, trace })
      }
    }
    landAll(this.#engine, this.#policy, loading, loads)
  }

  #timeOut(): void {
    const loading = this.#loading
    const error = lateLoad(this.#engine.label, this.#policy.hardTimeoutMs)
    this.#failed('timed-out', error)
    loading?.abort(error)
  }

  #failed(state: 'failed' | 'timed-out', error: unknown): void {
    for (const { flight } of this.#end()) this.#failOne(flight, state, error)
  }

  #failOne(flight: Flight, state: 'failed' | 'timed-out', error: unknown): void {
    reportLoad(this.#engine, flight, this.#policy.announcer, state, this.#startedAt, error)
    failFlight(this.#engine, this.#policy, flight, this, error)
  }

  /** @returns the flights that still need it, the first time. */
  #end(): readonly Wanted<K>[] {
    const wanted = this.#wanted
    this.#timer?.cancel()
    this.#timer = undefined
    this.#wanted = []
    this.#loading = undefined
    return wanted
  }
}

/** How to find the value of a key in what a loader gave, or what is wrong with it. */
function reader<K>(
  keys: readonly K[],
  result: BatchResult<K>,
): { readonly at: (key: K) => unknown; readonly error?: Error | undefined } {
  if (result instanceof Map) return { at: (key) => result.get(key) as unknown }
  if (Array.isArray(result) && result.length === keys.length) {
    const places = new Map(keys.map((key, index) => [key, index]))
    return { at: (key) => result[places.get(key) as number] as unknown }
  }
  const came = Array.isArray(result) ? result.length : typeof result
  return {
    at: () => undefined,
    error: invalidOption('load', `a function that gives a Map, or ${keys.length} values`, came),
  }
}
