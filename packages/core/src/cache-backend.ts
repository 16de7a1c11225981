import type { ItemResult } from './batch.ts'
import type { Coherence } from './coherence.ts'
import type { Context } from './context.ts'
import type { DeleteStatus } from './delete-status.ts'
import type { DurationInput } from './duration.ts'
import type { KeyInput } from './key/cache-key.ts'
import type { Leases } from './lease.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { DropReason } from './miss-reason.ts'
import type { CacheValue } from './value.ts'

/** What a single read takes beside its key. */
export interface ReadOptions {
  /** Filled with how the read was answered. Costs nothing when left out. */
  readonly context?: Context | undefined
  /**
   * Asked by compositions of what a tier has: one that it refuses counts as missing there, with the reason `invalidated`, so the tiers below are
   * asked and their answer is copied over it. Must be quick and must not throw. Single tiers do not ask. @defaultValue everything
   */
  readonly accept?: ((value: CacheValue<unknown>) => boolean) | undefined
  /**
   * What was acknowledged to anybody before this moment, on the clock of the tiers, must be obeyed: a copy in an upper tier that cannot vouch for that
   * is `untrusted`. `-Infinity` takes any copy. Only compositions over a tier with {@link CacheBackend.coherence} ask.
   * @defaultValue its `maxStale` before now
   */
  readonly since?: number | undefined
}

/** What a batch of reads takes beside its keys. */
export interface BatchReadOptions {
  /**
   * One per key, in their order, each filled as that of a single read; a key asked for twice has two. Nothing is told of keys without one:
   * past the end of a shorter list, or where it has `undefined`. Costs nothing when left out.
   */
  readonly contexts?: readonly (Context | undefined)[] | undefined
  /** As in {@link ReadOptions}, for each value. @defaultValue everything */
  readonly accept?: ((value: CacheValue<unknown>) => boolean) | undefined
  /** As in {@link ReadOptions}, for every key. */
  readonly since?: number | undefined
}

/** One pair of a batch write. */
export type Entry<T = unknown> = readonly [key: KeyInput, value: CacheValue<T>]

/**
 * What tiers are made of: typed values under keys, with two moments each.
 *
 * A value that has expired is never returned. A miss is `undefined`, and a stored `undefined` is an entry like any other.
 * Reads may answer synchronously, and then also fail synchronously: `await` treats both alike.
 * After closing, every operation fails with `CLOSED`.
 */
export interface CacheBackend extends AsyncDisposable {
  /** Name of this tier in errors, events and source paths. */
  readonly label: string

  /** What is under the key and has not expired, stale or not; `undefined` for a miss. */
  get<T = unknown>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined>
  /**
   * Keeps `value` in place of whatever was there. One that has already expired removes what was there, and so does one that
   * is refused with `ENCODE_FAILED` or `TOO_LARGE`: the old value is not what the caller wants to be found.
   */
  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void>
  /** Removes what is there, and tells whether there was something. */
  delete(key: KeyInput): MaybePromise<DeleteStatus>

  /** Results in the order of the keys, duplicates included; one item's failure is its own. */
  getMany<T = unknown>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]>
  /** Of duplicates, the last one stays. */
  setMany(entries: Iterable<Entry>): MaybePromise<ItemResult<void>[]>
  /** {@link CacheBackend.delete} for many; results in their order, duplicates included. */
  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]>

  /** Resolves when the backend can be used; for whoever wants to fail at start rather than at the first call. */
  ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void>
  /** Counted since the backend was made. */
  stats(): BackendStats
  /** Releases what the backend opened. May be called again, without effect. */
  close(): Promise<void>

  /**
   * The value if it is in this process now: no promise, no effect on eviction, events or counters. Left out by tiers that cannot.
   *
   * @param options - As of a read.
   */
  peek?<T = unknown>(key: KeyInput, options?: Pick<ReadOptions, 'since'>): CacheValue<T> | undefined
  /**
   * The value if it is in this process now and fresh: {@link CacheBackend.get} for who asks `get` next where there is none. A hit counts, is told
   * and is used as that of `get`; in every other case nothing is counted or told, and nothing changes. Left out by tiers that cannot.
   *
   * @param since - As of a read.
   */
  hit?<T = unknown>(key: KeyInput, since?: number): CacheValue<T> | undefined
  /**
   * Drops every entry at once: no read that begins later finds anything that was there. Writes that are under way take effect before it or
   * after it; a copy of what was read before it is not made any more. Is neither counted nor told.
   * Left out by tiers that others share, and so by compositions that have one.
   */
  clear?(): void
  /**
   * The lowest tier of a composition, whose word is final: for what must not be answered by a copy. Belongs to the composition, which closes
   * it, and knows nothing of the tiers above: what is written here alone may stay hidden by an older copy there. Left out by single tiers.
   */
  readonly lowest?: CacheBackend | undefined
  /** Fills that are refused when the key was changed meanwhile. Left out by tiers that nobody shares, or that cannot. */
  readonly leases?: Leases | undefined
  /** What keeps copies of this tier in line with it. Left out by tiers that nobody shares, or that cannot. */
  readonly coherence?: Coherence | undefined
  /** Whether entries come back with their {@link CacheValue.meta}. @defaultValue true */
  readonly keepsMeta?: boolean | undefined
}

/** Whole numbers that only grow. Reads that found nothing to serve are `misses`; of these, `dropped` tells the ones that found bytes. */
export interface BackendStats {
  readonly hits: number
  readonly misses: number
  readonly writes: number
  readonly deletes: number
  /** Operations that failed. */
  readonly errors: number
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>
}
