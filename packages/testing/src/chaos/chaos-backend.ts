import type {
  BackendStats,
  BatchReadOptions,
  CacheBackend,
  CacheValue,
  DeleteStatus,
  DurationInput,
  Entry,
  ItemResult,
  KeyInput,
  MaybePromise,
  ReadOptions,
} from '@hitbox/core'
import { type ChaosControls, type ChaosOptions, Disturber } from './disturber.ts'
import type { ChaosPlan, Disturbance } from './plan.ts'

/** Operations of a tier that chaos can disturb. */
export type BackendOperation =
  | 'get'
  | 'set'
  | 'delete'
  | 'getMany'
  | 'setMany'
  | 'deleteMany'
  | 'ready'
  | 'close'

/** Decides for each call of a tier what goes wrong with it. */
export type BackendChaosPlan = ChaosPlan<BackendOperation, Disturbance>

/** A tier in which things go wrong, as planned. */
export interface ChaosBackend extends CacheBackend, ChaosControls {}

/**
 * Wraps a tier so that its calls fail, hang or are late, as a plan says. What the plan lets alone goes to `inner` as it is,
 * synchronous answers included. A batch is one call. There is neither `peek` nor `clear`: they cannot fail, so they would get
 * past the chaos. `lowest` is in the same chaos.
 *
 * @param plan - Asked for each call; or one disturbance for all calls but `ready` and `close`.
 * @example
 * ```ts
 * import { type CacheBackend, cacheValue } from '@hitbox/core'
 * import { chaosBackend } from '@hitbox/testing'
 *
 * export async function firstWriteFails(inner: CacheBackend): Promise<void> {
 *   const tier = chaosBackend(inner, ({ operation, index }) =>
 *     operation === 'set' && index === 0 ? 'fail' : undefined,
 *   )
 *   await tier.set('k', cacheValue('v', { ttl: '1m' }))
 * }
 * ```
 */
export function chaosBackend(
  inner: CacheBackend,
  plan: BackendChaosPlan | Disturbance,
  options: ChaosOptions = {},
): ChaosBackend {
  const decide = typeof plan === 'function' ? plan : always(plan)
  return new DisturbedBackend(inner, decide, new Disturber(options))
}

const always =
  (fault: Disturbance): BackendChaosPlan =>
  ({ operation }) =>
    operation === 'ready' || operation === 'close' ? undefined : fault

class DisturbedBackend implements ChaosBackend {
  readonly label: string
  readonly lowest?: CacheBackend
  readonly keepsMeta: boolean
  readonly #inner: CacheBackend
  readonly #plan: BackendChaosPlan
  readonly #disturber: Disturber

  constructor(inner: CacheBackend, plan: BackendChaosPlan, disturber: Disturber) {
    this.label = inner.label
    this.keepsMeta = inner.keepsMeta !== false
    if (inner.lowest !== undefined) {
      this.lowest = new DisturbedBackend(inner.lowest, plan, disturber)
    }
    this.#inner = inner
    this.#plan = plan
    this.#disturber = disturber
  }

  get hanging(): number {
    return this.#disturber.hanging
  }

  get calls(): number {
    return this.#disturber.calls
  }

  release(): void {
    this.#disturber.release()
  }

  get<T>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    return this.#call('get', () => this.#inner.get<T>(key, options))
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    return this.#call('set', () => this.#inner.set(key, value))
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    return this.#call('delete', () => this.#inner.delete(key))
  }

  getMany<T>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    return this.#call('getMany', () => this.#inner.getMany<T>(keys, options))
  }

  setMany(entries: Iterable<Entry>): MaybePromise<ItemResult<void>[]> {
    return this.#call('setMany', () => this.#inner.setMany(entries))
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    return this.#call('deleteMany', () => this.#inner.deleteMany(keys))
  }

  async ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void> {
    await this.#call('ready', () => this.#inner.ready(options))
  }

  async close(): Promise<void> {
    await this.#call('close', () => this.#inner.close())
  }

  stats(): BackendStats {
    return this.#inner.stats()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #call<R>(operation: BackendOperation, run: () => MaybePromise<R>): MaybePromise<R> {
    const fault = this.#plan({ operation, index: this.#disturber.count() })
    return fault === undefined ? run() : this.#disturber.disturb(fault, run)
  }
}
