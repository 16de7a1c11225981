import type { StoreKey } from './key/key-format.ts'

/**
 * How a process learns what others change in a store that they share. `tracking`: the server itself tells on the connection that carries the
 * data, in order with it, whoever changes what. `pubsub`: those who use this library tell each other. `none`: not at all. Copies that are
 * not tracked live for `maxStale` at most, so they are never older than that either.
 */
export type CoherenceMode = 'tracking' | 'pubsub' | 'none'

/** Told of changes, in the order of the store, in the turn in which they are read from the wire: must be quick and must not throw. */
export interface ChangeListener<Key = string> {
  /** Somebody else has changed what is under the key, or may have. */
  changed(key: Key): void
  /** Anything may have changed unheard: what was copied from the store until now counts no more, nor what is on its way. */
  changedAll(): void
}

/** What keeps copies in line with a store that several processes share. Moments are on this process's clock. */
export interface Changes<Key> {
  /** `undefined` while no connection has told. May change with the connection. */
  readonly mode: CoherenceMode | undefined
  /** Longest that a copy may be behind, in ms. */
  readonly maxStaleMs: number
  /** How long a copy may live at most, counted from the question that it answers, in ms; `Infinity` where changes are told by the server itself. */
  readonly copyMs: number
  /**
   * All that was acknowledged to anybody before this moment has been told here, or is bounded by {@link Changes.copyMs}. `-Infinity` while
   * nothing is known. Read anew at each hit.
   */
  readonly fence: number
  /** {@link Changes.fence} for one key: later than that of all where stores are several servers. */
  fenceOf(key: Key): number
  /** @returns what ends it. The first listener turns the feed on. */
  listen(listener: ChangeListener<Key>): () => void
  /**
   * Resolves when all that was acknowledged to anybody before the call has been told here; calls of one tick share one round trip.
   *
   * @param keys - Those concerned; left out, all.
   * @throws {@link CacheError} rejects with `UNSUPPORTED` where changes are not told by the server, with `TIMEOUT` or `BACKEND_FAILED` as a read would.
   */
  barrier(keys?: readonly Key[]): Promise<void>
  /**
   * What the store has acknowledged by now, as a text of `A-Z a-z 0-9 . _ -` that other processes understand: see {@link Changes.reached}.
   *
   * @param keys - Those concerned; left out, all.
   */
  stamp(keys?: readonly Key[]): string
  /** Whether all that was acknowledged when `stamp` was made has been told here. A text that is none counts as not reached. */
  reached(stamp: string): boolean
}

/** {@link Changes} of a store, for authors of backends: keys as the store has them. */
export type Feed<Key extends StoreKey = string> = Changes<Key>

/** What keeps the copies of tiers above in line with this one: keys by their text. Offered by tiers that several processes share. */
export type Coherence = Changes<string>
