import type { StoreRead, StoreWrite } from './backend.ts'
import type { Context } from './context.ts'
import type { KeyInput } from './key/cache-key.ts'
import type { StoreKey } from './key/key-format.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { MissReason } from './miss-reason.ts'
import type { CacheValue } from './value.ts'

/**
 * The right to fill a key, given to one process at a time. It ends when the key is changed or removed by anybody, when its time is over, or with
 * the memory of the server; what is filled under a lease that has ended is refused. Source: Nishtala et al., Scaling Memcache at Facebook, 2013, 3.2.1.
 */
export interface Lease {
  /** Text of the key. */
  readonly key: string
  /** How long it lasts unless it is renewed, in ms. */
  readonly leaseMs: number
}

/** What becomes of the wish to make a value. */
export type LeaseAnswer<T = unknown> =
  /** Make it, then {@link Leases.fill} or {@link Leases.release}. */
  | { readonly is: 'granted'; readonly lease: Lease }
  /** Somebody else makes it, and has the right for that long from now unless he renews it, in ms. */
  | { readonly is: 'held'; readonly forMs: number }
  /** There is another value than the one that was to be replaced. */
  | { readonly is: 'found'; readonly value: CacheValue<T> }
  /** What is there must not be replaced by this program. */
  | { readonly is: 'refused'; readonly reason: MissReason }

/** What is asked for with {@link Leases.take}. */
export interface LeaseRequest {
  /** The value that is to be replaced, as it was read; it stays there until the new one comes. `'anything'`: whatever is there. @defaultValue nothing */
  readonly over?: CacheValue<unknown> | 'anything' | undefined
  /** Filled with how a value was found. */
  readonly context?: Context | undefined
}

/** Fills that are refused when the key was changed since they began. Offered by tiers that several processes share. */
export interface Leases {
  /** One round trip. @throws {@link CacheError} as a read would. */
  take<T = unknown>(key: KeyInput, request?: LeaseRequest): MaybePromise<LeaseAnswer<T>>
  /**
   * Puts the value in place, unless the lease has ended. One round trip.
   *
   * @returns the value as it is known from now on, or `undefined` when it was refused.
   * @throws {@link CacheError} as a write would; the lease is then given back where that can be.
   */
  fill<T>(lease: Lease, value: CacheValue<T>): MaybePromise<CacheValue<T> | undefined>
  /** Begins its time anew. @returns whether it had not ended. */
  renew(lease: Lease): MaybePromise<boolean>
  /** Gives it back, so that others need not wait. What is under the key otherwise stays. */
  release(lease: Lease): MaybePromise<void>
  /** Makes the value that is there stale, in its place, and ends any lease. @returns whether there was a value. */
  expire(key: KeyInput): MaybePromise<boolean>
}

/** What a store gives out as a lease; what is in it is its own business. */
export interface StoreLease {
  readonly leaseMs: number
}

/** {@link LeaseAnswer} of a store. */
export type StoreLeaseAnswer =
  | { readonly is: 'granted'; readonly lease: StoreLease }
  | { readonly is: 'held'; readonly forMs: number }
  | { readonly is: 'found'; readonly read: StoreRead }

/** {@link Leases} of a store of envelopes, for authors of backends. */
export interface LeasePort<Key extends StoreKey = string> {
  /**
   * Asks for the right to fill a key.
   *
   * @param over - What may be replaced: nothing, anything, the envelope with this id (see `envelopeId`), or exactly these bytes, which are then
   * removed. An envelope stays, with the lease in its tail. A lease that has ended, and what the store does not vouch for, counts as nothing.
   */
  take(key: Key, over: 'nothing' | 'anything' | number | Uint8Array): Promise<StoreLeaseAnswer>
  /** Puts an entry in place, if the lease has not ended. @returns whether it was stored. */
  fill(key: Key, lease: StoreLease, entry: StoreWrite): Promise<boolean>
  /** Begins its time anew. @returns whether it had not ended. */
  renew(key: Key, lease: StoreLease): Promise<boolean>
  /** Gives it back; a value that is there stays. */
  release(key: Key, lease: StoreLease): Promise<void>
  /** Marks the envelope that is there as stale, and ends any lease. @returns whether there was one. */
  expire(key: Key): Promise<boolean>
}
