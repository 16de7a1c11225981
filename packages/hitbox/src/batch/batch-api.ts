import type { KeyInput } from '@hitbox/core'
import type { CallOptions, ReadOptions } from '../cache.ts'
import type { Answer } from '../call-context.ts'
import type { BatchContext } from './batch-load.ts'

/** One key's outcome in a batch that is settled: a key that fails does not fail the others. */
export type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Options of a batch whose items are not keys themselves. */
export interface KeyedBatchOptions<Item, T> extends BatchOptions<Item, T> {
  /** The key of an item. */
  readonly key: (item: Item) => KeyInput
}

/** Options of a call for many keys. */
export interface BatchOptions<Item, T> extends Omit<CallOptions<T>, 'tags'> {
  /** As for one key: for all items, or for each its own. */
  readonly tags?: readonly string[] | ((item: Item) => readonly string[]) | undefined
}

/**
 * One form of {@link Namespace.getOrLoadMany}: of keys, or of items with a `key`; with a loader that gives a list, or a map that may leave some
 * out. `Out` says what comes of it: values, settled results, or settled answers.
 */
export interface BatchLoad<Value, Out> {
  <const K extends KeyInput, T extends Value>(
    keys: Iterable<K>,
    load: (
      missing: readonly K[],
      context: BatchContext,
    ) => readonly (T | Error)[] | PromiseLike<readonly (T | Error)[]>,
    options?: BatchOptions<K, T>,
  ): Promise<Many<Out, T>>
  <const K extends KeyInput, T extends Value>(
    keys: Iterable<K>,
    load: (
      missing: readonly K[],
      context: BatchContext,
    ) => ReadonlyMap<K, T | Error> | PromiseLike<ReadonlyMap<K, T | Error>>,
    options?: BatchOptions<K, T>,
  ): Promise<Many<Out, T | undefined>>
  <Item, T extends Value>(
    items: Iterable<Item>,
    load: (
      missing: readonly Item[],
      context: BatchContext,
    ) => readonly (T | Error)[] | PromiseLike<readonly (T | Error)[]>,
    options: KeyedBatchOptions<Item, T>,
  ): Promise<Many<Out, T>>
  <Item, T extends Value>(
    items: Iterable<Item>,
    load: (
      missing: readonly Item[],
      context: BatchContext,
    ) => ReadonlyMap<Item, T | Error> | PromiseLike<ReadonlyMap<Item, T | Error>>,
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

/** {@link Namespace.getMany}, plain and explained. */
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
