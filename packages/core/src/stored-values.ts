import type { Backend, StoreRead, StoreWrite } from './backend.ts'
import type { Clock } from './clock.ts'
import { Codec, type CodecOptions, type Decoded } from './codec.ts'
import type { Context } from './context.ts'
import { metaFacts } from './envelope/meta-facts.ts'
import { formatOf, tellsFormat, withCompressor } from './envelope/open.ts'
import type { StoreKey } from './key/key-format.ts'
import { chain, isPromise, type MaybePromise } from './maybe-promise.ts'
import type { DropReason } from './miss-reason.ts'
import type { CacheValue } from './value.ts'

/** Values as a store keeps them: bytes and lengths of life on its side, moments of this process's clock on the other. Counts and tells nothing. */
export class StoredValues<Key extends StoreKey> {
  readonly #backend: Backend<Key>
  readonly #codec: Codec
  readonly #clock: Clock
  readonly #raw: boolean

  constructor(
    backend: Backend<Key>,
    options: Omit<CodecOptions, 'valueFormat' | 'compressor' | 'tellsId'>,
    clock: Clock,
  ) {
    const { valueFormat, compressor, leases } = backend
    this.#backend = backend
    this.#clock = clock
    this.#raw = backend.layout === 'raw'
    this.#codec = new Codec({ ...options, valueFormat, compressor, tellsId: leases !== undefined })
  }

  /** What to write, or `undefined` for a value whose life is over. */
  encode(
    storeKey: Key,
    text: string,
    value: CacheValue<unknown>,
  ): MaybePromise<StoreWrite | undefined> {
    const now = this.#clock.now()
    if (value.expiresAt <= now) return undefined
    // Rounded down, so that nothing lives past its end; what is left of the last millisecond is given whole.
    const ttlMs = Math.max(1, Math.floor(value.expiresAt - now))
    const freshMs = Math.max(0, Math.floor(value.staleAt - now))
    const finish = (bytes: Uint8Array): StoreWrite => ({ bytes, ttlMs, freshMs })
    if (this.#raw) return chain(this.#codec.encodeRaw(value.data), finish)
    const writtenAt = this.#backend.storeTime?.(storeKey)
    const { ageMs, usableMs, loadMs, tags } = metaFacts(value.meta, now)
    const facts = { key: text, ttlMs, freshMs, writtenAt, ageMs, usableMs, loadMs, tags }
    return chain(this.#codec.encode(facts, value.data), finish)
  }

  /**
   * What stored bytes hold, why they hold nothing, or `'expired'`.
   *
   * @param now - This moment. Of an answer that comes later, the end of life is judged then.
   */
  decode<T>(
    storeKey: Key,
    text: string,
    stored: StoreRead,
    context: Context | undefined,
    now: number = this.#clock.now(),
  ): MaybePromise<CacheValue<T> | DropReason | 'expired'> {
    const size = stored.bytes.length
    // The bytes may be a view that does not outlive this turn.
    const format = context && this.#formatOf(stored.bytes)
    const decoded: MaybePromise<Decoded<T>> = this.#raw
      ? this.#codec.decodeRaw<T>(stored, now)
      : this.#codec.decode<T>(stored, text, now, this.#backend.storeTime?.(storeKey))
    return isPromise(decoded)
      ? decoded.then((later) => this.#living(later, this.#clock.now(), size, format, context))
      : this.#living(decoded, now, size, format, context)
  }

  #living<T>(
    value: Decoded<T>,
    now: number,
    size: number,
    format: string | undefined,
    context: Context | undefined,
  ): Decoded<T> | 'expired' {
    if (typeof value === 'string') return value
    if (value.expiresAt <= now) return 'expired'
    if (context !== undefined) {
      context.bytes = size
      context.format = format
    }
    return value
  }

  #formatOf(bytes: Uint8Array): string | undefined {
    if (!this.#raw) return tellsFormat(bytes) ? formatOf(bytes) : undefined
    return withCompressor(this.#backend.valueFormat.id, this.#backend.compressor.id)
  }
}
