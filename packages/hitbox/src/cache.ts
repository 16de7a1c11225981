import type { KeyInput, MissReason } from '@hitbox/core'
import type { BatchContext } from './batch/batch-load.ts'
import type { Answer } from './call-context.ts'
import type { CachedFunction, FnOptions } from './function/cached-function.ts'
import type { LoadContext } from './flight/loading.ts'
import type { CacheStats } from './ledger.ts'
import type { LifeInput, PolicyOptions } from './policy.ts'
import type { StandardSchema } from './schema.ts'

/** What one call with a loader may set for itself, over the options of the cache. */
export interface CallOptions<T = unknown> extends PolicyOptions<T> {
  /** Ends this caller's wait with the signal's reason. The load goes on for others, and is aborted when nobody is left. */
  readonly signal?: AbortSignal | undefined
  /** Asks no tier and joins no load that began before: the value is made now, and stored. @defaultValue false */
  readonly fresh?: boolean | undefined
}

/** What one call without a loader may set for itself. */
export interface ReadOptions<T = unknown> {
  /** As for the cache. */
  readonly schema?: StandardSchema<T> | undefined
}

/** What one write may set for itself. */
export type WriteOptions = Pick<
  PolicyOptions,
  'ttl' | 'staleAfter' | 'staleIfError' | 'jitter' | 'absenceTtl'
>

/** {@link Cache.get}, plain and explained. */
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

/** {@link Cache.getOrLoad}, plain and explained. The loader and the value it makes give the types. */
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

/** One key's outcome in a batch that is settled: a key that fails does not fail the others. */
export type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

type Values<T> = readonly (T | Error)[]
type ByKey<K, T> = ReadonlyMap<K, T | Error>
type Late<R> = R | PromiseLike<R>

/** Options of a batch whose items are not keys themselves. */
export interface KeyedBatchOptions<Item, T> extends CallOptions<T> {
  /** The key of an item. */
  readonly key: (item: Item) => KeyInput
}

interface BatchLoad<Value, Out> {
  <const K extends KeyInput, T extends Value>(
    keys: Iterable<K>,
    load: (missing: readonly K[], context: BatchContext) => Late<Values<T>>,
    options?: CallOptions<T>,
  ): Promise<Many<Out, T>>
  <const K extends KeyInput, T extends Value>(
    keys: Iterable<K>,
    load: (missing: readonly K[], context: BatchContext) => Late<ByKey<K, T>>,
    options?: CallOptions<T>,
  ): Promise<Many<Out, T | undefined>>
  <Item, T extends Value>(
    items: Iterable<Item>,
    load: (missing: readonly Item[], context: BatchContext) => Late<Values<T>>,
    options: KeyedBatchOptions<Item, T>,
  ): Promise<Many<Out, T>>
  <Item, T extends Value>(
    items: Iterable<Item>,
    load: (missing: readonly Item[], context: BatchContext) => Late<ByKey<Item, T>>,
    options: KeyedBatchOptions<Item, T>,
  ): Promise<Many<Out, T | undefined>>
}

type Many<Out, T> = Out extends 'settled'
  ? Settled<T>[]
  : Out extends 'answers'
    ? Settled<Answer<T>>[]
    : T[]

/** Rejects with the first key's failure, when all have ended; what was loaded for the others is stored. */
export interface GetOrLoadMany<Value> extends BatchLoad<Value, 'values'> {
  /** The same, with one result per key instead of a rejection. */
  readonly settled: BatchLoad<Value, 'settled'>
  /** The same, with how each was answered. */
  readonly withContext: BatchLoad<Value, 'answers'>
}

/** {@link Cache.getMany}, plain and explained. */
export interface GetMany<Value> {
  <T extends Value = Value>(
    keys: Iterable<KeyInput>,
    options?: ReadOptions<T>,
  ): Promise<(T | undefined)[]>
  /** The same, with how each was answered. */
  withContext<T extends Value = Value>(
    keys: Iterable<KeyInput>,
    options?: ReadOptions<T>,
  ): Promise<Answer<T | undefined>[]>
}

/** What is known of one key. */
export interface Explanation {
  /** Text of the key. */
  readonly key: string
  /** From the uppermost. */
  readonly tiers: readonly TierExplanation[]
  /** Whether a load of it is under way, or its value on the way into the tiers. */
  readonly inFlight: boolean
  /** The last load, when it failed and that still counts. */
  readonly failure:
    | { readonly error: unknown; readonly inARow: number; readonly retryInMs: number }
    | undefined
}

/** What one tier has under a key. Lengths of time in ms, from now; `undefined` where the tier does not tell or has nothing. */
export interface TierExplanation {
  readonly source: string
  /** `kept`: past its `ttl`, for when loading fails. */
  readonly state: 'fresh' | 'stale' | 'kept' | 'missing' | 'failed'
  /** Why there is nothing. */
  readonly missReason: MissReason | undefined
  readonly error: unknown
  readonly ageMs: number | undefined
  readonly freshMs: number | undefined
  readonly usableMs: number | undefined
  readonly keptMs: number | undefined
  readonly loadMs: number | undefined
}

/**
 * A cache over one or more tiers. Reads never fail because of a tier; writes tell what went wrong. Calls after closing fail
 * with `CLOSED`, unusable keys and options with `INVALID_KEY` and `INVALID_OPTION`.
 */
export interface Cache<Value = unknown> extends AsyncDisposable {
  readonly label: string
  /** What is there, fresh or stale; `undefined` when nothing is, or no tier can tell. */
  readonly get: Get<Value>
  /** What is there, or what `load` makes, once for all who ask meanwhile. Rejects with what `load` throws when there is nothing old to fall back to. */
  readonly getOrLoad: GetOrLoad<Value>
  /** {@link Cache.get} for many, in their order: one question to each tier. */
  readonly getMany: GetMany<Value>
  /** {@link Cache.getOrLoad} for many, in their order: one question to each tier, and one call of `load` for the distinct keys that are missing. */
  readonly getOrLoadMany: GetOrLoadMany<Value>
  /** What is in this process now, fresh or stale. Counts nowhere; `undefined` when the uppermost tier is not in this process. */
  readonly peek: Peek<Value>
  /** Whether {@link Cache.get} would find something. Counts nowhere. */
  has(key: KeyInput): Promise<boolean>
  /**
   * Puts a value in place of what was there; loads that began before are not stored.
   *
   * @throws {@link CacheError} whatever kept a tier from taking it; what the tiers hold is then unknown.
   */
  set(key: KeyInput, value: Value, options?: WriteOptions): Promise<void>
  /** {@link Cache.set} for many; of duplicates the last stays. Rejects with the first failure, when all have ended. */
  setMany(
    entries: Iterable<readonly [key: KeyInput, value: Value]>,
    options?: WriteOptions,
  ): Promise<void>
  /**
   * Removes what is there, from all tiers. Once resolved, no read that begins later sees it, and no load that began before is stored.
   *
   * @returns whether something was there.
   * @throws {@link CacheError} whatever kept a tier from removing it; what the tiers hold is then unknown.
   */
  delete(key: KeyInput): Promise<boolean>
  /** {@link Cache.delete} for many, in their order. Rejects with the first failure, when all have ended. */
  deleteMany(keys: Iterable<KeyInput>): Promise<boolean[]>
  /** Makes what is there stale, so that it is made anew and may be served meanwhile. @returns whether something was there. */
  expire(key: KeyInput): Promise<boolean>
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
  /** What was counted since the cache was made, here and in each tier. */
  stats(): CacheStats
  /** What each tier has under a key, asked now. Costs a read of every tier. */
  explain(key: KeyInput): Promise<Explanation>
  /**
   * Takes no more calls, waits for loads and stores under way, then closes the tiers. What takes longer is aborted.
   *
   * @param options.timeout - Longest wait; `0` for none. @defaultValue `'5s'`
   */
  close(options?: { readonly timeout?: LifeInput | undefined }): Promise<void>
}
