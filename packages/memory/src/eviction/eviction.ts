export interface Bounds {
  readonly maxEntries: number
  readonly maxBytes: number | undefined
}

/**
 * Decides which entry goes. It is not told of hits: they mark an entry up to {@link mostMark}, or, where that is 0, make it the newest
 * of the first queue. So a hit runs the same few lines whatever policies a process uses.
 */
export interface Eviction {
  readonly mostMark: number
  /** A new entry is in its slot. */
  added(slot: number, key: string): void
  /** The entry is about to go, or not to be considered until it is {@link restored}. */
  removed(slot: number): void
  /** The entry that was {@link removed} is there again, used once more, and has not been in any other slot. */
  restored(slot: number): void
  /** The entry counts for so many bytes more than before. */
  resized(slot: number, difference: number): void
  /** Chooses the entry that goes, as if it were {@link removed}. There is one. @returns its slot. */
  evicted(): number
  cleared(): void
}

/**
 * Entries passed over before the next one goes whatever its mark: where all have been used, the search would walk over a
 * million in one call, to choose one that was used as much as any.
 */
export const MOST_PASSED_OVER = 5_000
