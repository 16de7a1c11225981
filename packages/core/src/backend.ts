import type { ItemResult } from './batch.ts'
import type { Feed } from './coherence.ts'
import type { Compressor } from './compressor.ts'
import type { DeleteStatus } from './delete-status.ts'
import type { Format } from './format.ts'
import type { KeyFormat, StoreKey } from './key/key-format.ts'
import type { LeasePort } from './lease.ts'
import type { MaybePromise } from './maybe-promise.ts'

/** What goes into a store: bytes, and how long they are worth keeping, counted from now. */
export interface StoreWrite {
  readonly bytes: Uint8Array
  /** Whole milliseconds, more than 0; `Infinity` for no end. The store may drop the entry earlier, and should not keep it much longer. */
  readonly ttlMs: number
  /** Whole milliseconds until the entry goes stale, at most `ttlMs`. Only raw stores need to keep it: an envelope carries it. */
  readonly freshMs: number
}

/** What comes out of a store. */
export interface StoreRead {
  /** May be a view on a shared buffer; it is read before the next turn of the event loop, or copied. */
  readonly bytes: Uint8Array
  /** What is left of the lifetime by the store's own count, in ms; left out where the store does not count (see {@link Backend.storeTime}). */
  readonly ttlMs?: number | undefined
  /** What is left until stale, in ms. Only raw stores give it. */
  readonly freshMs?: number | undefined
  /** Whether the store vouches for it: `stale`: not for its being current; `none`: not at all, so that it is a miss. @defaultValue it does */
  readonly trust?: 'stale' | 'none' | undefined
}

/**
 * The port a storage author implements: three verbs on bytes. {@link liftBackend} makes a {@link CacheBackend} of it, adding
 * serialisation, compression, the envelope, expiry, limits, events and counters; a backend that passes `backendContract`
 * of `@hitbox/testing` is a valid tier.
 *
 * A store never interprets an entry. It may drop one early; it may also give one back that is over, since the lift checks.
 * Verbs fail by throwing or rejecting with anything; the lift wraps what is not a {@link CacheError}.
 */
export interface Backend<Key extends StoreKey = string> {
  /** Short, stable name in errors, events and source paths, for example `'redis'`. */
  readonly label: string
  readonly keyFormat: KeyFormat<Key>
  readonly valueFormat: Format
  readonly compressor: Compressor
  /**
   * How values lie in the store. `envelope`: bytes that say what they are. `raw`: the bare formatted value, for stores that
   * others read too; the store itself then keeps both moments, and there is no checksum and no proof of the key.
   * @defaultValue `'envelope'`
   */
  readonly layout?: 'envelope' | 'raw' | undefined
  /**
   * The store's own time for this key in ms, when it has a clock that all its users share and this process knows it now.
   * Envelopes then carry the moment of their writing, and `read` need not tell what is left of a lifetime.
   */
  storeTime?(key: Key): number | undefined

  /** What is under the key; `undefined` for nothing. */
  read(key: Key): MaybePromise<StoreRead | undefined>
  /** Puts an entry in place of what is there, its lifetime included. */
  write(key: Key, entry: StoreWrite): MaybePromise<void>
  /** Removes what is there. A key that is not there is no failure. */
  remove(key: Key): MaybePromise<DeleteStatus>

  /** Many in one go. Results in the order of the keys, duplicates included. Left out, the lift calls `read` for each. */
  readMany?(keys: readonly Key[]): MaybePromise<ItemResult<StoreRead | undefined>[]>
  /** {@link Backend.write} for many; results in their order. No two are of one key. */
  writeMany?(entries: readonly (readonly [Key, StoreWrite])[]): MaybePromise<ItemResult<void>[]>
  /** {@link Backend.remove} for many; results in their order, duplicates included. */
  removeMany?(keys: readonly Key[]): MaybePromise<ItemResult<DeleteStatus>[]>

  /** Fills that are refused when the key was changed meanwhile; for stores that several processes share, of layout `envelope`. */
  readonly leases?: LeasePort<Key> | undefined
  /** Tells what others change; for stores that several processes share. */
  readonly feed?: Feed<Key> | undefined

  /** Resolves when the store can be used. Rejects with what stands in the way, at the latest after `timeoutMs`. */
  ready?(timeoutMs: number): Promise<void>
  /** Releases what the backend opened, and nothing that was passed in. Called once. */
  close?(): MaybePromise<void>
}
