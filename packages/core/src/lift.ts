import type { Backend, StoreRead, StoreWrite } from './backend.ts'
import { failed, type ItemResult, settleEach } from './batch.ts'
import type {
  BackendStats,
  BatchReadOptions,
  CacheBackend,
  Entry,
  ReadOptions,
} from './cache-backend.ts'
import { type Clock, systemClock } from './clock.ts'
import type { CodecOptions } from './codec.ts'
import type { Coherence } from './coherence.ts'
import type { Context } from './context.ts'
import { type DeleteStatus, deleteStatus } from './delete-status.ts'
import { type DurationInput, toTimeout } from './duration.ts'
import type { CacheListener } from './events.ts'
import { type KeyInput, keyText } from './key/cache-key.ts'
import type { StoreKey } from './key/key-format.ts'
import { toLabel } from './label.ts'
import type { Leases } from './lease.ts'
import { LiftedAttempts } from './lifted-attempts.ts'
import { LiftedCoherence } from './lifted-coherence.ts'
import { LiftedLeases } from './lifted-leases.ts'
import { chain, isPromise, type MaybePromise } from './maybe-promise.ts'
import type { DropReason } from './miss-reason.ts'
import { closedError, Observer } from './observer.ts'
import { StoredValues } from './stored-values.ts'
import { type CacheValue, normalizeValue } from './value.ts'

/** What {@link liftBackend} adds to a store: limits, formats to read beside its own, a clock, a listener. */
export interface LiftOptions extends Omit<CodecOptions, 'valueFormat' | 'compressor' | 'tellsId'> {
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Told everything that happens here. @defaultValue none */
  readonly onEvent?: CacheListener | undefined
}

/** Names of {@link LiftOptions}, for backends that take them among their own. */
export const LIFT_OPTIONS: readonly (keyof LiftOptions)[] = Object.freeze([
  'acceptFormats',
  'acceptCompressors',
  'maxValueBytes',
  'maxRawBytes',
  'clock',
  'onEvent',
] as const)

/**
 * Makes a tier of a store: formats, compresses and seals what goes in, checks and decodes what comes out.
 * What cannot be decoded is a miss with a counted reason, never a failure and never a wrong value.
 *
 * Owns `backend`: closing the tier closes it.
 *
 * @example
 * ```ts
 * import { type Backend, type CacheBackend, liftBackend } from '@hitbox/core'
 *
 * export const tierOf = (store: Backend): CacheBackend => liftBackend(store, { maxValueBytes: 64 * 1024 })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when a part of `backend` or an option cannot be used.
 */
export function liftBackend<Key extends StoreKey>(
  backend: Backend<Key>,
  options: LiftOptions = {},
): CacheBackend {
  return new LiftedBackend(backend, options)
}

class LiftedBackend<Key extends StoreKey> implements CacheBackend {
  readonly label: string
  readonly keepsMeta: boolean
  readonly #backend: Backend<Key>
  readonly #values: StoredValues<Key>
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #attempts: LiftedAttempts
  readonly #raw: boolean
  readonly coherence?: Coherence | undefined
  readonly leases?: Leases | undefined
  /** As it is asked for each key. */
  readonly #coherence: LiftedCoherence<Key> | undefined
  #closing: Promise<void> | undefined

  constructor(backend: Backend<Key>, options: LiftOptions) {
    const { feed, leases } = backend
    this.label = toLabel(backend.label)
    this.#backend = backend
    this.#raw = backend.layout === 'raw'
    this.keepsMeta = !this.#raw
    this.#clock = options.clock ?? systemClock
    this.#values = new StoredValues(backend, options, this.#clock)
    this.#observer = new Observer(this.label, options.onEvent)
    this.#attempts = new LiftedAttempts(this.#observer, () => this.#assertOpen())
    if (feed !== undefined) {
      this.#coherence = new LiftedCoherence(feed, backend.keyFormat)
      this.coherence = this.#coherence
    }
    if (leases !== undefined && !this.#raw) {
      this.leases = new LiftedLeases(leases, this.#values, {
        storeKey: (text) => this.#storeKey(text),
        attempt: (operation, text, run) => this.#attempts.one(operation, text, run, itself),
        written: (text, bytes) => this.#observer.written(text, bytes),
      })
    }
  }

  get<T>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    const text = keyText(key)
    const context = options?.context
    let storeKey: Key
    return this.#attempts.one(
      'read',
      text,
      () => {
        storeKey = this.#storeKey(text)
        return this.#backend.read(storeKey)
      },
      (stored) => this.#decode<T>(storeKey, text, stored, context, this.#clock.now()),
    )
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    const text = keyText(key)
    const entry = normalizeValue(value)
    let bytes: number | undefined
    return this.#attempts.one(
      'write',
      text,
      () => {
        const storeKey = this.#storeKey(text)
        const refused = (error: unknown): MaybePromise<void> => this.#clear(storeKey, failed(error))
        const store = (write: StoreWrite | undefined): MaybePromise<void> => {
          if (write === undefined) return this.#clear(storeKey, undefined)
          bytes = write.bytes.length
          return this.#backend.write(storeKey, write)
        }
        let encoded: MaybePromise<StoreWrite | undefined>
        try {
          encoded = this.#values.encode(storeKey, text, entry)
        } catch (error) {
          return refused(error)
        }
        return isPromise(encoded) ? encoded.then(store, refused) : store(encoded)
      },
      () => {
        if (bytes !== undefined) this.#observer.written(text, bytes)
      },
    )
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    const text = keyText(key)
    return this.#attempts.one(
      'remove',
      text,
      () => this.#backend.remove(this.#storeKey(text)),
      (status) => this.#deleted(text, status),
    )
  }

  getMany<T>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    this.#assertOpen()
    const texts = textsOf(keys)
    const contexts = options?.contexts
    if (this.#backend.readMany === undefined) {
      return settleEach(texts, (text, index) =>
        this.get<T>(text, contexts === undefined ? undefined : { context: contexts[index] }),
      )
    }
    const storeKeys = this.#storeKeys(texts)
    // Read when the answers are here, once for all of them.
    let now: number | undefined
    return this.#attempts.batch<StoreRead | undefined, CacheValue<T> | undefined>(
      'read',
      texts,
      () => this.#backend.readMany?.(storeKeys) ?? [],
      (stored, index) => {
        now ??= this.#clock.now()
        const text = texts[index] as string
        return this.#decode<T>(storeKeys[index] as Key, text, stored, contexts?.[index], now)
      },
    )
  }

  setMany(entries: Iterable<Entry>): MaybePromise<ItemResult<void>[]> {
    this.#assertOpen()
    // Of duplicates only the last is written: compressed off the event loop, they could overtake one another.
    const values = new Map<string, CacheValue<unknown>>()
    const texts = Array.from(entries, ([key, value]) => {
      const text = keyText(key)
      values.set(text, normalizeValue(value))
      return text
    })
    const items = [...values]
    const outcomes =
      this.#backend.writeMany === undefined
        ? settleEach(items, ([text, value]) => this.set(text, value))
        : this.#writeAll(items)
    if (items.length === texts.length) return outcomes
    const places = new Map(items.map(([text], place) => [text, place]))
    return chain(outcomes, (results) =>
      texts.map((text) => results[places.get(text) as number] as ItemResult<void>),
    )
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    this.#assertOpen()
    const texts = textsOf(keys)
    if (this.#backend.removeMany === undefined)
      return settleEach(texts, (text) => this.delete(text))
    return this.#attempts.batch<DeleteStatus, DeleteStatus>(
      'remove',
      texts,
      () => this.#backend.removeMany?.(this.#storeKeys(texts)) ?? [],
      (status, index) => this.#deleted(texts[index] as string, status),
    )
  }

  async ready(options: { readonly timeout?: DurationInput | undefined } = {}): Promise<void> {
    const timeoutMs = toTimeout(options.timeout ?? '10s', 'timeout')
    this.#assertOpen()
    await this.#backend.ready?.(timeoutMs)
  }

  stats(): BackendStats {
    return this.#observer.stats()
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve(this.#backend.close?.())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError(this.label)
  }

  #storeKeys(texts: readonly string[]): Key[] {
    return texts.map((text) => this.#storeKey(text))
  }

  #storeKey(text: string): Key {
    const key = this.#backend.keyFormat.encode(text)
    this.#coherence?.note(key, text)
    return key
  }

  /**
   * Removes what was there in place of a write: of a value whose life is over, or of one that cannot be stored, and then
   * fails. Who wanted to replace a value must not find it again.
   */
  #clear(storeKey: Key, instead: ItemResult<unknown> | undefined): MaybePromise<void> {
    return chain(this.#backend.remove(storeKey), () => {
      if (instead?.ok === false) throw instead.error
    })
  }

  #writeAll(
    items: readonly (readonly [string, CacheValue<unknown>])[],
  ): MaybePromise<ItemResult<void>[]> {
    const storeKeys = this.#storeKeys(items.map(([text]) => text))
    const encoded = settleEach(items, ([text, value], index) =>
      this.#values.encode(storeKeys[index] as Key, text, value),
    )
    return chain(encoded, (outcomes) => {
      const writes: [Key, StoreWrite][] = []
      const places: number[] = []
      outcomes.forEach((outcome, place) => {
        if (!outcome.ok || outcome.value === undefined) return
        writes.push([storeKeys[place] as Key, outcome.value])
        places.push(place)
      })
      const textOf = (write: number): string => items[places[write] as number]?.[0] as string
      const written = this.#attempts.batch<void, void>(
        'write',
        writes.map((_, write) => textOf(write)),
        () => (writes.length === 0 ? [] : (this.#backend.writeMany?.(writes) ?? [])),
        (_, write) => this.#observer.written(textOf(write), writes[write]?.[1].bytes.length),
      )
      const others = settleEach(outcomes, (outcome, place): MaybePromise<void> => {
        if (outcome.ok && outcome.value !== undefined) return undefined
        const clear = (): MaybePromise<void> => this.#clear(storeKeys[place] as Key, outcome)
        return this.#attempts.one('write', items[place]?.[0] as string, clear, itself)
      })
      return chain(written, (done) =>
        chain(others, (results) => {
          done.forEach((result, write) => {
            results[places[write] as number] = result
          })
          return results
        }),
      )
    })
  }

  #decode<T>(
    storeKey: Key,
    text: string,
    stored: StoreRead | undefined,
    context: Context | undefined,
    now: number,
  ): MaybePromise<CacheValue<T> | undefined> {
    if (stored === undefined) return this.#observer.missed(text, 'absent', context)
    const value = this.#values.decode<T>(storeKey, text, stored, context, now)
    return isPromise(value)
      ? value.then((later) => this.#found(text, later, context, this.#clock.now()))
      : this.#found(text, value, context, now)
  }

  #found<T>(
    text: string,
    value: CacheValue<T> | DropReason | 'expired',
    context: Context | undefined,
    now: number,
  ): CacheValue<T> | undefined {
    if (value === 'expired') return this.#observer.missed(text, value, context)
    if (typeof value === 'string') return this.#observer.dropped(text, value, context)
    return this.#observer.hit(text, value, now, context)
  }

  #deleted(text: string, { count }: DeleteStatus): DeleteStatus {
    this.#observer.deleted(text, count)
    return deleteStatus(count)
  }
}

/** A loop: `Array.from` with a function costs three times as much. */
function textsOf(keys: Iterable<KeyInput>): string[] {
  const texts: string[] = []
  for (const key of keys) texts.push(keyText(key))
  return texts
}

function itself<T>(value: T): T {
  return value
}
