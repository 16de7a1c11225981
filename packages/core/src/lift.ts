import type { Backend, StoreRead, StoreWrite } from './backend.ts'
import { failed, type ItemResult, settleEach, succeeded } from './batch.ts'
import type { BackendStats, CacheBackend, Entry, ReadOptions } from './cache-backend.ts'
import { type Clock, systemClock } from './clock.ts'
import { Codec, type CodecOptions, type Decoded } from './codec.ts'
import type { Context } from './context.ts'
import { Counters } from './counters.ts'
import { type DeleteStatus, deleteStatus } from './delete-status.ts'
import { type DurationInput, toTimeout } from './duration.ts'
import { CacheError, type Operation } from './errors.ts'
import { type CacheListener, Reporter } from './events.ts'
import { type KeyInput, keyText } from './key/cache-key.ts'
import type { StoreKey } from './key/key-format.ts'
import { toLabel } from './label.ts'
import { isPromise, type MaybePromise } from './maybe-promise.ts'
import type { DropReason, MissReason } from './miss-reason.ts'
import { type CacheValue, normalizeValue } from './value.ts'

export interface LiftOptions extends Omit<CodecOptions, 'valueFormat' | 'compressor'> {
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
  readonly #backend: Backend<Key>
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #reporter: Reporter
  readonly #counters = new Counters()
  readonly #raw: boolean
  #closing: Promise<void> | undefined

  constructor(backend: Backend<Key>, options: LiftOptions) {
    const { valueFormat, compressor } = backend
    this.label = toLabel(backend.label)
    this.#backend = backend
    this.#raw = backend.layout === 'raw'
    this.#codec = new Codec({ ...options, valueFormat, compressor })
    this.#clock = options.clock ?? systemClock
    this.#reporter = new Reporter(options.onEvent)
  }

  get<T>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    const text = keyText(key)
    const context = options?.context
    return this.#attempt('read', text, () => {
      const storeKey = this.#backend.keyFormat.encode(text)
      return then(this.#backend.read(storeKey), (stored) =>
        this.#decode<T>(storeKey, text, stored, context),
      )
    })
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    const text = keyText(key)
    const entry = normalizeValue(value)
    return this.#attempt('write', text, () => {
      const storeKey = this.#backend.keyFormat.encode(text)
      return then(this.#encode(storeKey, text, entry), (write) => {
        if (write === undefined) return then(this.#backend.remove(storeKey), () => undefined)
        return then(this.#backend.write(storeKey, write), () => this.#written(text, write))
      })
    })
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    const text = keyText(key)
    return this.#attempt('remove', text, () => {
      const storeKey = this.#backend.keyFormat.encode(text)
      return then(this.#backend.remove(storeKey), (status) => this.#deleted(text, status))
    })
  }

  getMany<T>(keys: Iterable<KeyInput>): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    this.#assertOpen()
    const texts = Array.from(keys, keyText)
    const { readMany } = this.#backend
    if (readMany === undefined) return settleEach(texts, (text) => this.get<T>(text))
    const storeKeys = this.#storeKeys(texts)
    return this.#batch<StoreRead | undefined, CacheValue<T> | undefined>(
      'read',
      texts,
      () => readMany.call(this.#backend, storeKeys),
      (stored, index) =>
        this.#decode<T>(storeKeys[index] as Key, texts[index] as string, stored, undefined),
    )
  }

  setMany<T>(entries: Iterable<Entry<T>>): MaybePromise<ItemResult<void>[]> {
    this.#assertOpen()
    const items = Array.from(
      entries,
      ([key, value]) => [keyText(key), normalizeValue(value)] as const,
    )
    const { writeMany } = this.#backend
    if (writeMany === undefined) return settleEach(items, ([text, value]) => this.set(text, value))
    const texts = items.map(([text]) => text)
    const storeKeys = this.#storeKeys(texts)
    const encoded = settleEach(items, ([text, value], index) =>
      this.#encode(storeKeys[index] as Key, text, value),
    )
    return then(encoded, (writes) => this.#writeEncoded(texts, storeKeys, writes))
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    this.#assertOpen()
    const texts = Array.from(keys, keyText)
    const { removeMany } = this.#backend
    if (removeMany === undefined) return settleEach(texts, (text) => this.delete(text))
    return this.#batch<DeleteStatus, DeleteStatus>(
      'remove',
      texts,
      () => removeMany.call(this.#backend, this.#storeKeys(texts)),
      (status, index) => this.#deleted(texts[index] as string, status),
    )
  }

  async ready(options: { readonly timeout?: DurationInput | undefined } = {}): Promise<void> {
    const timeoutMs = toTimeout(options.timeout ?? '10s', 'timeout')
    this.#assertOpen()
    await this.#backend.ready?.(timeoutMs)
  }

  stats(): BackendStats {
    return this.#counters.snapshot()
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve(this.#backend.close?.())
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return
    const details = { source: this.label }
    throw new CacheError('CLOSED', `backend "${this.label}" is closed`, { details })
  }

  #storeKeys(texts: readonly string[]): Key[] {
    return texts.map((text) => this.#backend.keyFormat.encode(text))
  }

  /** Runs one operation so that whatever fails in it, at once or later, is counted, reported and of our kind. */
  #attempt<R>(operation: Operation, text: string, run: () => MaybePromise<R>): MaybePromise<R> {
    this.#assertOpen()
    try {
      const answer = run()
      return isPromise(answer)
        ? answer.catch((error: unknown) => {
            throw this.#failure(operation, text, error)
          })
        : answer
    } catch (error) {
      throw this.#failure(operation, text, error)
    }
  }

  /** Runs a batch verb. When the verb fails as a whole, every item has failed. */
  #batch<In, Out>(
    operation: Operation,
    texts: readonly string[],
    run: () => MaybePromise<ItemResult<In>[]>,
    finish: (value: In, index: number) => MaybePromise<Out>,
  ): MaybePromise<ItemResult<Out>[]> {
    this.#assertOpen()
    const settled = (results: readonly ItemResult<In>[]): MaybePromise<ItemResult<Out>[]> =>
      settleEach(texts, (text, index) => {
        const result = results[index] as ItemResult<In>
        if (result.ok) return finish(result.value, index)
        throw this.#failure(operation, text, result.error)
      })
    const collapsed = (error: unknown): ItemResult<Out>[] =>
      texts.map((text) => failed(this.#failure(operation, text, error)))
    try {
      const answer = run()
      return isPromise(answer) ? answer.then(settled, collapsed) : settled(answer)
    } catch (error) {
      return collapsed(error)
    }
  }

  /** What to write, or `undefined` for a value whose life is over. */
  #encode(
    storeKey: Key,
    text: string,
    value: CacheValue<unknown>,
  ): MaybePromise<StoreWrite | undefined> {
    const now = this.#clock.now()
    const ttlMs = Math.ceil(value.expiresAt - now)
    if (value.expiresAt <= now) return undefined
    const freshMs = Math.max(0, Math.ceil(value.staleAt - now))
    const finish = (bytes: Uint8Array): StoreWrite => ({ bytes, ttlMs, freshMs })
    if (this.#raw) return then(this.#codec.encodeRaw(value.data), finish)
    const writtenAt = this.#backend.storeTime?.(storeKey)
    const facts = { key: text, ttlMs, freshMs, writtenAt, loadMs: value.loadMs }
    return then(this.#codec.encode(facts, value.data), finish)
  }

  #writeEncoded(
    texts: readonly string[],
    storeKeys: readonly Key[],
    encoded: readonly ItemResult<StoreWrite | undefined>[],
  ): MaybePromise<ItemResult<void>[]> {
    const results: ItemResult<void>[] = texts.map(() => succeeded(undefined))
    const writes: [Key, StoreWrite][] = []
    const writeAt: number[] = []
    const over: number[] = []
    for (let index = 0; index < encoded.length; index += 1) {
      const item = encoded[index] as ItemResult<StoreWrite | undefined>
      if (!item.ok)
        results[index] = failed(this.#failure('write', texts[index] as string, item.error))
      else if (item.value === undefined) over.push(index)
      else {
        writeAt.push(index)
        writes.push([storeKeys[index] as Key, item.value])
      }
    }
    const textAt = (index: number): string => texts[index] as string
    const written =
      writes.length === 0
        ? []
        : this.#batch<void, void>(
            'write',
            writeAt.map(textAt),
            () => (this.#backend.writeMany as NonNullable<Backend<Key>['writeMany']>)(writes),
            (_, item) =>
              this.#written(
                textAt(writeAt[item] as number),
                (writes[item] as [Key, StoreWrite])[1],
              ),
          )
    const removed = settleEach(over, (index) =>
      this.#attempt('remove', textAt(index), () =>
        then(this.#backend.remove(storeKeys[index] as Key), () => undefined),
      ),
    )
    return then(written, (done) => {
      for (let item = 0; item < done.length; item += 1)
        results[writeAt[item] as number] = done[item] as ItemResult<void>
      return then(removed, (gone) => {
        for (let item = 0; item < gone.length; item += 1)
          results[over[item] as number] = gone[item] as ItemResult<void>
        return results
      })
    })
  }

  #decode<T>(
    storeKey: Key,
    text: string,
    stored: StoreRead | undefined,
    context: Context | undefined,
  ): MaybePromise<CacheValue<T> | undefined> {
    if (stored === undefined) return this.#missed(text, 'absent', context)
    const now = this.#clock.now()
    const decoded: MaybePromise<Decoded<T>> = this.#raw
      ? this.#codec.decodeRaw<T>(stored, now)
      : this.#codec.decode<T>(stored, text, now, this.#backend.storeTime?.(storeKey))
    return then(decoded, (value) => {
      if (typeof value === 'string') return this.#dropped(text, value, context)
      // Asked again: decompressing off the event loop takes its time.
      const after = this.#clock.now()
      return value.expiresAt <= after
        ? this.#missed(text, 'expired', context)
        : this.#hit(text, value, after, context)
    })
  }

  #hit<T>(
    text: string,
    value: CacheValue<T>,
    now: number,
    context: Context | undefined,
  ): CacheValue<T> {
    this.#counters.hits += 1
    const stale = value.staleAt <= now
    if (context !== undefined) {
      context.status = stale ? 'stale' : 'hit'
      context.source = this.label
      context.missReason = undefined
      context.ttlMs = value.expiresAt - now
    }
    if (this.#reporter.active)
      this.#reporter.report({ type: 'hit', source: this.label, key: text, stale })
    return value
  }

  #dropped(text: string, reason: DropReason, context: Context | undefined): undefined {
    this.#counters.drop(reason)
    return this.#missed(text, reason, context)
  }

  #missed(text: string, reason: MissReason, context: Context | undefined): undefined {
    this.#counters.misses += 1
    if (context !== undefined) context.missReason = reason
    if (this.#reporter.active)
      this.#reporter.report({ type: 'miss', source: this.label, key: text, reason })
    return undefined
  }

  #written(text: string, write: StoreWrite): void {
    this.#counters.writes += 1
    const bytes = write.bytes.length
    if (this.#reporter.active)
      this.#reporter.report({ type: 'write', source: this.label, key: text, bytes })
  }

  #deleted(text: string, status: DeleteStatus): DeleteStatus {
    this.#counters.deletes += 1
    const { count } = status
    if (this.#reporter.active)
      this.#reporter.report({ type: 'delete', source: this.label, key: text, count })
    return deleteStatus(count)
  }

  #failure(operation: Operation, text: string, error: unknown): unknown {
    this.#counters.errors += 1
    const wrapped = CacheError.is(error)
      ? error
      : new CacheError(
          'BACKEND_FAILED',
          `backend "${this.label}" failed to ${operation} an entry`,
          {
            details: { source: this.label, operation },
            cause: error,
          },
        )
    if (this.#reporter.active) {
      this.#reporter.report({
        type: 'error',
        source: this.label,
        key: text,
        operation,
        error: wrapped,
      })
    }
    return wrapped
  }
}

/** Goes on with an answer that may be there already. */
function then<T, R>(answer: MaybePromise<T>, next: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(answer) ? answer.then(next) : next(answer)
}
