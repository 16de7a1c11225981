import {
  type BackendStats,
  type BatchReadOptions,
  type CacheBackend,
  type CacheValue,
  closedError,
  type Coherence,
  type Context,
  type DeleteStatus,
  type DurationInput,
  type Entry,
  invalidOption,
  type ItemResult,
  type KeyInput,
  type Leases,
  type MaybePromise,
  type ReadOptions,
} from '@hitbox/core'
import { apart } from './apart.ts'
import { LayeredLeases } from './layered-leases.ts'

/** What an operation on a backend does: the words in which its errors tell. */
export type Verb = 'read' | 'write' | 'remove'

/** What a layer does around the operations of the backend below it. */
export interface Layer {
  /** Must call `run` at most once, and hand its answer on, at once where it comes at once. */
  one<R>(verb: Verb, run: () => MaybePromise<R>): MaybePromise<R>
  /** The same for a batch of `count` items. What the layer itself refuses are failed items, so that a batch has one shape of failure. */
  many<R>(
    verb: Verb,
    count: number,
    run: () => MaybePromise<ItemResult<R>[]>,
  ): MaybePromise<ItemResult<R>[]>
  /** Whether it may give an answer of its own while the operation goes on below. */
  readonly abandons?: boolean
  /** Called once, before the backend below is closed. */
  close?(): void
}

/** A backend in a layer: its own label, `peek`, `ready` and counts, and every operation by way of the layer. */
export class LayeredBackend implements CacheBackend {
  readonly label: string
  readonly peek?: <T = unknown>(
    key: KeyInput,
    options?: Pick<ReadOptions, 'since'>,
  ) => CacheValue<T> | undefined
  readonly hit?: <T = unknown>(key: KeyInput, since?: number) => CacheValue<T> | undefined
  readonly clear?: () => void
  readonly lowest?: CacheBackend
  readonly coherence?: Coherence | undefined
  readonly leases?: Leases | undefined
  readonly keepsMeta: boolean
  readonly #inner: CacheBackend
  readonly #layer: Layer
  readonly #closesInner: boolean
  /** The backend that this one is the lowest tier of: closing that one ends both. */
  readonly #whole: LayeredBackend | undefined
  #closing: Promise<void> | undefined

  constructor(inner: CacheBackend, layer: Layer, closesInner = true, whole?: LayeredBackend) {
    this.label = inner.label
    this.#inner = inner
    this.#layer = layer
    this.#closesInner = closesInner
    this.#whole = whole
    if (inner.peek !== undefined) {
      this.peek = (key, options) => {
        this.#assertOpen()
        return inner.peek?.(key, options)
      }
    }
    if (inner.hit !== undefined) {
      this.hit = (key, since) => {
        this.#assertOpen()
        return inner.hit?.(key, since)
      }
    }
    this.keepsMeta = inner.keepsMeta !== false
    if (inner.coherence !== undefined) this.coherence = inner.coherence
    if (inner.leases !== undefined) {
      this.leases = new LayeredLeases(inner.leases, layer, () => this.#assertOpen())
    }
    if (inner.lowest !== undefined) {
      this.lowest = new LayeredBackend(inner.lowest, layer, false, this)
    }
    // What is only lent may have others who use it.
    if (inner.clear !== undefined && closesInner) {
      this.clear = () => {
        this.#assertOpen()
        inner.clear?.()
      }
    }
  }

  get<T>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    this.#assertOpen()
    const context = options?.context
    return context === undefined
      ? this.#layer.one('read', () => this.#inner.get<T>(key, options))
      : this.#explain<T>(key, context, options)
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    this.#assertOpen()
    return this.#layer.one('write', () => this.#inner.set(key, value))
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    this.#assertOpen()
    return this.#layer.one('remove', () => this.#inner.delete(key))
  }

  getMany<T>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    this.#assertOpen()
    const list = [...keys]
    const read = (
      asked?: BatchReadOptions,
    ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> =>
      this.#layer.many('read', list.length, () => this.#inner.getMany<T>(list, asked))
    const contexts = options?.contexts
    if (contexts === undefined || this.#layer.abandons !== true) return read(options)
    return apart(contexts, (own) => read({ ...options, contexts: own }))
  }

  setMany<T>(entries: Iterable<Entry<T>>): MaybePromise<ItemResult<void>[]> {
    this.#assertOpen()
    const list = [...entries]
    return this.#layer.many('write', list.length, () => this.#inner.setMany(list))
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    this.#assertOpen()
    const list = [...keys]
    return this.#layer.many('remove', list.length, () => this.#inner.deleteMany(list))
  }

  async ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void> {
    this.#assertOpen()
    await this.#inner.ready(options)
  }

  stats(): BackendStats {
    return this.#inner.stats()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #explain<T>(
    key: KeyInput,
    context: Context,
    options: ReadOptions | undefined,
  ): MaybePromise<CacheValue<T> | undefined> {
    const { accept, since } = options ?? {}
    const read = (own: Context | undefined): MaybePromise<CacheValue<T> | undefined> =>
      this.#layer.one('read', () => this.#inner.get<T>(key, { context: own, accept, since }))
    return this.#layer.abandons === true ? apart([context], ([own]) => read(own)) : read(context)
  }

  async #close(): Promise<void> {
    if (this.#whole === undefined) this.#layer.close?.()
    if (this.#closesInner) await this.#inner.close()
  }

  #assertOpen(): void {
    const whole = this.#whole
    const open =
      this.#closing === undefined && (whole === undefined || whole.#closing === undefined)
    if (!open) throw closedError(this.label)
  }
}

/** Whether something is a backend, by shape: copies of a package agree on shapes and not on classes. */
export function isBackend(candidate: unknown): candidate is CacheBackend {
  if (typeof candidate !== 'object' || candidate === null) return false
  const { get, set, delete: remove } = candidate as Partial<CacheBackend>
  return typeof get === 'function' && typeof set === 'function' && typeof remove === 'function'
}

/** @throws {@link CacheError} `INVALID_OPTION` when it is none. */
export function checkBackend(option: string, candidate: unknown): CacheBackend {
  if (isBackend(candidate)) return candidate
  throw invalidOption(option, 'a CacheBackend', candidate)
}
