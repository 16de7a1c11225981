import type { DurationInput, KeyInput } from '@hitbox/core'
import type { GetMany, GetOrLoadMany } from './batch/batch-api.ts'
import type { Answer } from './call-context.ts'
import type { Fresh, Receipt } from './fresh.ts'
import type { CachedFunction, FnOptions } from './function/cached-function.ts'
import type { LoadContext } from './flight/loading.ts'
import type { CacheStats } from './ledger.ts'
import type { Explanation } from './explanation.ts'
import type { LifeInput, PolicyOptions } from './policy.ts'
import type { StandardSchema } from './schema.ts'

/** What one call with a loader may set for itself, over the options of the cache. */
export interface CallOptions<T = unknown> extends PolicyOptions<T> {
  /** Ends this caller's wait with the signal's reason. The load goes on for others, and is aborted when nobody is left. */
  readonly signal?: AbortSignal | undefined
  /** Asks no tier and joins no load that began before: the value is made now, and stored. @defaultValue false */
  readonly reload?: boolean | undefined
}

/** What one call without a loader may set for itself. */
export interface ReadOptions<T = unknown> {
  /** As for the cache. */
  readonly schema?: StandardSchema<T> | undefined
  /** As for the cache. */
  readonly fresh?: Fresh | undefined
}

/** What {@link Namespace.delete} answers with. */
export interface DeleteReceipt extends Receipt {
  /** Whether something was there. */
  readonly deleted: boolean
}

/** What {@link Namespace.deleteMany} answers with. */
export interface DeleteManyReceipt extends Receipt {
  /** For each key in their order, whether something was there. */
  readonly deleted: readonly boolean[]
}

/** What {@link Namespace.expire} answers with. */
export interface ExpireReceipt extends Receipt {
  /** Whether something was there. */
  readonly expired: boolean
}

/** What one write may set for itself. */
export type WriteOptions = Pick<
  PolicyOptions,
  'ttl' | 'staleAfter' | 'staleIfError' | 'jitter' | 'absenceTtl' | 'tags'
>

/** {@link Namespace.get}, plain and explained. */
export interface Get<Value> {
  <T extends Value = Value>(key: KeyInput, options?: ReadOptions<T>): Promise<T | undefined>
  /** The same, with how it was answered. */
  withContext<T extends Value = Value>(
    key: KeyInput,
    options?: ReadOptions<T>,
  ): Promise<Answer<T | undefined>>
}

/** The caller names the type, as with {@link Get}. */
export type Peek<Value> = <T extends Value = Value>(key: KeyInput) => T | undefined

/** {@link Namespace.getOrLoad}, plain and explained. The loader and the value it makes give the types. */
export interface GetOrLoad<Value> {
  <T extends Value, Previous = unknown>(
    key: KeyInput,
    load: (context: LoadContext<Previous>) => T | PromiseLike<T>,
    options?: CallOptions<T>,
  ): Promise<T>
  /** The same, with how it was answered. */
  withContext<T extends Value, Previous = unknown>(
    key: KeyInput,
    load: (context: LoadContext<Previous>) => T | PromiseLike<T>,
    options?: CallOptions<T>,
  ): Promise<Answer<T>>
}

/** What a namespace sets for itself, over the options of the cache. */
export interface NamespaceOptions<T = unknown> extends PolicyOptions<T> {
  /** As for the cache: goes into the keys of this namespace. @defaultValue 0: none */
  readonly version?: number | undefined
}

/**
 * The calls of a cache: on the whole, or on a namespace of it. Reads never fail because of a tier; writes tell what went wrong.
 * Calls after closing fail with `CLOSED`, unusable keys and options with `INVALID_KEY` and `INVALID_OPTION`.
 */
export interface Namespace<Value = unknown> {
  readonly label: string
  /** What is there, fresh or stale; `undefined` when nothing is, or no tier can tell. */
  readonly get: Get<Value>
  /** What is there, or what `load` makes, once for all who ask meanwhile. Rejects with what `load` throws when there is nothing old to fall back to. */
  readonly getOrLoad: GetOrLoad<Value>
  /** {@link Namespace.get} for many, in their order: one question to each tier. */
  readonly getMany: GetMany<Value>
  /** {@link Namespace.getOrLoad} for many, in their order: one question to each tier, and one call of `load` for the distinct keys that are missing. */
  readonly getOrLoadMany: GetOrLoadMany<Value>
  /**
   * What is in this process now, fresh or stale. Counts nowhere; `undefined` when the uppermost tier is not in this process. Does not wait to
   * learn what another process has invalidated.
   */
  readonly peek: Peek<Value>
  /** Whether {@link Namespace.get} would find something. Counts nowhere. */
  has(key: KeyInput): Promise<boolean>
  /**
   * Puts a value in place of what was there; loads that began before are not stored.
   *
   * @throws {@link CacheError} whatever kept a tier from taking it; what the tiers hold is then unknown.
   */
  set(key: KeyInput, value: Value, options?: WriteOptions): Promise<Receipt>
  /** {@link Namespace.set} for many; of duplicates the last stays. Rejects with the first failure, when all have ended. */
  setMany(
    entries: Iterable<readonly [key: KeyInput, value: Value]>,
    options?: WriteOptions,
  ): Promise<Receipt>
  /**
   * Removes what is there, from all tiers. Once resolved, no read that begins later sees it, and no load that began before is stored.
   *
   * @throws {@link CacheError} whatever kept a tier from removing it; what the tiers hold is then unknown.
   */
  delete(key: KeyInput): Promise<DeleteReceipt>
  /** {@link Namespace.delete} for many, in their order. Rejects with the first failure, when all have ended. */
  deleteMany(keys: Iterable<KeyInput>): Promise<DeleteManyReceipt>
  /** Makes what is there stale, so that it is made anew and may be served meanwhile. Loads under way are not stored. */
  expire(key: KeyInput): Promise<ExpireReceipt>
  /**
   * A function whose results are cached.
   *
   * @param name - Names its keys, so one per function; calls `f(...args)` have the key `[name, ...args]`.
   * @throws {@link CacheError} `INVALID_OPTION` when the name is taken or an option cannot be used.
   */
  fn<Args extends readonly unknown[], T extends Value>(
    name: string,
    f: (...args: Args) => T | PromiseLike<T>,
    options?: FnOptions<Args, T>,
  ): CachedFunction<Args, T>
  /** What each tier has under a key, asked now. Costs a read of every tier. */
  explain(key: KeyInput): Promise<Explanation>
  /**
   * Ends every value that carries one of these tags: in all namespaces, stored, being loaded or refreshed. Callers of loads under way get
   * their result, nobody else does. Costs two writes, however many values carry them. Names, or lists of them.
   *
   * Once resolved, no read in this process that begins later is answered with such a value, and no fill that began before is stored. In other
   * processes the same holds for reads that demand it (see {@link Fresh}), and for all after the bound of the tiers, a second by default.
   * @throws {@link CacheError} whatever kept the lowest tier from it; it is then perhaps not done. `UNSUPPORTED` over a tier that stores bare values.
   */
  invalidateTags(...tags: readonly (string | readonly string[])[]): Promise<Receipt>
  /**
   * The same for everything in this namespace and those within it: one write, however much that is. Room in shared tiers is freed as values
   * end or are replaced.
   *
   * @throws as {@link Namespace.invalidateTags}.
   */
  clear(): Promise<Receipt>
  /**
   * The same cache for keys of their own, with other defaults. May be made as often as wanted: it holds nothing, and equal names mean the
   * same keys.
   *
   * @throws {@link CacheError} `INVALID_OPTION` when the name is empty or an option cannot be used.
   */
  namespace<T extends Value = Value>(name: string, defaults?: NamespaceOptions<T>): Namespace<T>
}

/** A cache over one or more tiers, which it owns. */
export interface Cache<Value = unknown> extends Namespace<Value>, AsyncDisposable {
  /** Counts of the cache with all its namespaces. */
  stats(): CacheStats
  /**
   * Resolves when all tiers can be used; for who wants to fail at the start rather than go on without one.
   *
   * @param options.timeout - Longest wait. @defaultValue `'10s'`
   * @throws {@link CacheError} what stands in the way.
   */
  ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void>
  /**
   * Takes no more calls, waits for loads and stores under way, then closes the tiers. What takes longer is aborted.
   *
   * @param options.timeout - Longest wait; `0` for none. @defaultValue `'5s'`
   */
  close(options?: { readonly timeout?: LifeInput | undefined }): Promise<void>
}
