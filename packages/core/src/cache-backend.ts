import type { ItemResult } from './batch.ts'
import type { Context } from './context.ts'
import type { DeleteStatus } from './delete-status.ts'
import type { DurationInput } from './duration.ts'
import type { KeyInput } from './key/cache-key.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { DropReason } from './miss-reason.ts'
import type { CacheValue } from './value.ts'

export interface ReadOptions {
  /** Filled with how the read was answered. Costs nothing when left out. */
  readonly context?: Context | undefined
}

export interface BatchReadOptions {
  /** One per key, in their order, each filled as that of a single read. Costs nothing when left out. */
  readonly contexts?: readonly Context[] | undefined
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

  get<T = unknown>(key: KeyInput, options?: ReadOptions): MaybePromise<CacheValue<T> | undefined>
  /**
   * Keeps `value` in place of whatever was there. One that has already expired removes what was there, and so does one that
   * is refused with `ENCODE_FAILED` or `TOO_LARGE`: the old value is not what the caller wants to be found.
   */
  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void>
  delete(key: KeyInput): MaybePromise<DeleteStatus>

  /** Results in the order of the keys, duplicates included; one item's failure is its own. */
  getMany<T = unknown>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): MaybePromise<ItemResult<CacheValue<T> | undefined>[]>
  /** Of duplicates, the last one stays. */
  setMany(entries: Iterable<Entry>): MaybePromise<ItemResult<void>[]>
  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]>

  /** Resolves when the backend can be used; for whoever wants to fail at start rather than at the first call. */
  ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void>
  /** Counted since the backend was made. */
  stats(): BackendStats
  /** Releases what the backend opened. May be called again, without effect. */
  close(): Promise<void>

  /** The value if it is in this process now: no promise, no effect on eviction, events or counters. Left out by tiers that cannot. */
  peek?<T = unknown>(key: KeyInput): CacheValue<T> | undefined
  /** Drops everything at once. Left out by tiers that others share. */
  clear?(): void
  /** The lowest tier of a composition, whose word is final: for what must not be answered by a copy. Left out by single tiers. */
  readonly lowest?: CacheBackend | undefined
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
