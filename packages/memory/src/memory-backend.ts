import {
  type BackendStats,
  type BatchReadOptions,
  type CacheBackend,
  type CacheValue,
  closedError,
  type Context,
  type DeleteStatus,
  deleteStatus,
  type DurationInput,
  type Entry,
  CheapTime,
  type Clock,
  type Format,
  type ItemResult,
  type KeyInput,
  keyText,
  normalizeValue,
  Observer,
  type ReadOptions,
  Reporter,
  settleEach,
  toTimeout,
} from '@hitbox/core'
import { Entries } from './entries.ts'
import { deepFreeze } from './freeze.ts'
import { type MemoryBackendOptions, resolveOptions, type ResolvedOptions } from './options.ts'
import { measure, measureBytes } from './size.ts'
import { isNormal, letEntriesShareNumbers, storedEntry } from './stored-entry.ts'
import { Sweeper } from './sweeper.ts'

/** A tier in this process. Every method answers at once: none returns a promise but `ready` and `close`. */
export interface MemoryBackend extends CacheBackend {
  get<T = unknown>(key: KeyInput, options?: ReadOptions): CacheValue<T> | undefined
  /**
   * A set that fails leaves nothing under the key: who tried to replace a value wants the old one gone.
   *
   * @throws {@link CacheError} `TOO_LARGE` when the entry alone is larger than `maxBytes`; `ENCODE_FAILED` when the value cannot be
   * frozen or encoded; `INVALID_OPTION` when a moment is no number, or `sizeOf` throws or gives no whole number of 1 or more.
   */
  set<T>(key: KeyInput, value: CacheValue<T>): void
  delete(key: KeyInput): DeleteStatus
  getMany<T = unknown>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): ItemResult<CacheValue<T> | undefined>[]
  setMany<T>(entries: Iterable<Entry<T>>): ItemResult<void>[]
  deleteMany(keys: Iterable<KeyInput>): ItemResult<DeleteStatus>[]
  peek<T = unknown>(key: KeyInput): CacheValue<T> | undefined
  hit<T = unknown>(key: KeyInput): CacheValue<T> | undefined
  clear(): void
  /** Entries held, among them those that have ended and are not swept yet. */
  readonly size: number
  /** What the entries count for; `undefined` where `maxBytes` is not set. */
  readonly bytes: number | undefined
}

/**
 * Keeps values in this process, within bounds, each until its moment to the millisecond.
 *
 * @example
 * ```ts
 * import { cacheValue } from '@hitbox/core'
 * import { memoryBackend } from '@hitbox/memory'
 *
 * const memory = memoryBackend({ maxEntries: 10_000 })
 * memory.set('user:1', cacheValue({ name: 'Ada' }, { ttl: '250ms' }))
 * console.log(memory.get('user:1')?.data) // { name: 'Ada' }
 * await memory.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when no bound is given or an option cannot be used.
 */
export function memoryBackend(options: MemoryBackendOptions): MemoryBackend {
  return new Memory(resolveOptions(options))
}

class Memory implements MemoryBackend {
  readonly label: string
  readonly #entries: Entries
  readonly #clock: Clock
  readonly #time: CheapTime
  readonly #sweeper: Sweeper
  readonly #observer: Observer
  readonly #reporter: Reporter
  readonly #format: Format | undefined
  readonly #options: ResolvedOptions
  #closed = false

  constructor(options: ResolvedOptions) {
    letEntriesShareNumbers()
    this.label = options.label
    this.#options = options
    this.#format = options.format
    this.#entries = new Entries(options.eviction, options)
    this.#clock = options.clock
    this.#time = new CheapTime(options.clock)
    this.#sweeper = new Sweeper(this.#entries, options.clock)
    this.#observer = new Observer(options.label, options.onEvent)
    this.#reporter = new Reporter(options.onEvent)
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number | undefined {
    return this.#options.maxBytes === undefined ? undefined : this.#entries.bytes
  }

  get<T>(key: KeyInput, options?: ReadOptions): CacheValue<T> | undefined {
    if (this.#closed) throw closedError(this.label)
    const text = keyText(key)
    const context = options?.context
    const place = this.#entries.find(text)
    const entry = this.#entries.entryAt(place)
    if (entry === undefined) return this.#observer.missed(text, 'absent', context)
    if (this.#format === undefined && context === undefined && this.#time.isAhead(entry.staleAt)) {
      this.#entries.use(place)
      return this.#observer.freshHit(text, entry as CacheValue<T>)
    }
    return this.#judge<T>(text, place, entry, context)
  }

  hit<T>(key: KeyInput): CacheValue<T> | undefined {
    if (this.#closed) throw closedError(this.label)
    const text = keyText(key)
    const place = this.#entries.find(text)
    const entry = this.#entries.entryAt(place)
    if (entry === undefined || !this.#time.isAhead(entry.staleAt)) return undefined
    this.#entries.use(place)
    const value = this.#format === undefined ? entry : decode(this.#format, entry)
    if (value === undefined) return undefined
    return this.#observer.freshHit(text, value as CacheValue<T>)
  }

  peek<T>(key: KeyInput): CacheValue<T> | undefined {
    if (this.#closed) throw closedError(this.label)
    const entry = this.#entryOf(keyText(key))
    if (entry === undefined || !this.#time.isAhead(entry.expiresAt)) return undefined
    return (this.#format === undefined ? entry : decode(this.#format, entry)) as
      | CacheValue<T>
      | undefined
  }

  set<T>(key: KeyInput, value: CacheValue<T>): void {
    if (this.#closed) throw closedError(this.label)
    const text = keyText(key)
    const entry = this.#format === undefined && isNormal(value) ? value : normalizeValue(value)
    if (!this.#time.isAhead(entry.expiresAt)) {
      this.#entries.delete(text)
      return
    }
    try {
      const data = this.#format === undefined ? entry.data : encode(this.#format, entry.data)
      this.#keep(text, storedEntry(data, entry))
    } catch (error) {
      this.#entries.delete(text)
      throw this.#observer.failure('write', text, error)
    }
  }

  delete(key: KeyInput): DeleteStatus {
    if (this.#closed) throw closedError(this.label)
    const text = keyText(key)
    const entry = this.#entryOf(text)
    const found = entry !== undefined && this.#time.isAhead(entry.expiresAt)
    if (entry !== undefined) this.#entries.delete(text)
    const status = deleteStatus(found ? 1 : 0)
    this.#observer.deleted(text, status.count)
    return status
  }

  getMany<T>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): ItemResult<CacheValue<T> | undefined>[] {
    if (this.#closed) throw closedError(this.label)
    const texts = Array.from(keys, keyText)
    const contexts = options?.contexts
    if (contexts === undefined) return atOnce(texts, (text) => this.get<T>(text))
    return atOnce(texts, (text, index) => this.get<T>(text, { context: contexts[index] }))
  }

  setMany<T>(entries: Iterable<Entry<T>>): ItemResult<void>[] {
    if (this.#closed) throw closedError(this.label)
    const items = Array.from(
      entries,
      ([key, value]) => [keyText(key), normalizeValue(value)] as const,
    )
    return atOnce(items, ([text, value]) => this.set(text, value))
  }

  deleteMany(keys: Iterable<KeyInput>): ItemResult<DeleteStatus>[] {
    if (this.#closed) throw closedError(this.label)
    return atOnce(Array.from(keys, keyText), (text) => this.delete(text))
  }

  clear(): void {
    if (this.#closed) throw closedError(this.label)
    this.#sweeper.stop()
    this.#entries.clear()
  }

  async ready(options: { readonly timeout?: DurationInput | undefined } = {}): Promise<void> {
    toTimeout(options.timeout ?? '10s', 'timeout')
    if (this.#closed) throw closedError(this.label)
  }

  stats(): BackendStats {
    return this.#observer.stats()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#sweeper.stop()
    this.#entries.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #entryOf(text: string): CacheValue<unknown> | undefined {
    return this.#entries.entryAt(this.#entries.find(text))
  }

  #judge<T>(
    text: string,
    place: number,
    entry: CacheValue<unknown>,
    context: Context | undefined,
  ): CacheValue<T> | undefined {
    const now = this.#clock.now()
    if (entry.expiresAt <= now) {
      this.#entries.delete(text)
      return this.#observer.missed(text, 'expired', context)
    }
    // Before a format runs, which may be anything: after it, the place may be that of another entry.
    this.#entries.use(place)
    const format = this.#format
    const value = format === undefined ? entry : decode(format, entry)
    if (value !== undefined) {
      if (context !== undefined && format !== undefined) {
        context.bytes = (entry.data as Uint8Array).length
        context.format = format.id
      }
      return this.#observer.hit(text, value as CacheValue<T>, now, context)
    }
    this.#entries.delete(text)
    return this.#observer.dropped(text, 'decode-failed', context)
  }

  #keep(text: string, entry: CacheValue<unknown>): void {
    const { frozen, maxBytes } = this.#options
    const bytes = maxBytes === undefined ? undefined : this.#measure(text, entry.data, maxBytes)
    // A format or "sizeOf" may have done that: what is kept now would never be let go.
    if (this.#closed) throw closedError(this.label)
    if (frozen) {
      deepFreeze(entry.data)
      Object.freeze(entry)
    }
    const evicted: string[] | undefined = this.#reporter.active ? [] : undefined
    this.#entries.set(text, entry, bytes ?? 0, evicted)
    this.#sweeper.added(entry.expiresAt)
    this.#observer.written(text, bytes)
    if (evicted === undefined) return
    for (const key of evicted) this.#reporter.report({ type: 'evict', source: this.label, key })
  }

  #measure(text: string, data: unknown, maxBytes: number): number {
    const { sizeOf } = this.#options
    if (sizeOf === undefined) return measureBytes(data as Uint8Array, text, maxBytes)
    return measure(sizeOf, data, text, maxBytes)
  }
}

function encode(format: Format, data: unknown): Uint8Array {
  const bytes = format.encode(data)
  // A view would keep the whole of its buffer alive, which nobody counts.
  return bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes)
}

function decode(format: Format, entry: CacheValue<unknown>): CacheValue<unknown> | undefined {
  try {
    return storedEntry(format.decode(entry.data as Uint8Array), entry)
  } catch {
    return undefined // whatever a format throws, the entry is unusable: a miss
  }
}

/** {@link settleEach} for operations that never promise, and so answer at once. */
function atOnce<Item, T>(
  items: readonly Item[],
  operation: (item: Item, index: number) => T,
): ItemResult<T>[] {
  return settleEach(items, operation) as ItemResult<T>[]
}
