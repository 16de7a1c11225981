import type { CacheValue } from '@hitbox/core'
import { LRUCache } from 'lru-cache'
import { MOST_ENTRIES } from './options.ts'

type Entry = CacheValue<unknown>

export interface Bounds {
  readonly maxEntries?: number | undefined
  readonly maxBytes?: number | undefined
}

/** Entries in the order of their use, within bounds. Knows no time. */
export class Entries {
  readonly #lru: LRUCache<string, Entry>
  readonly #places: { readonly keyList: readonly unknown[]; readonly valList: readonly unknown[] }
  #mostPlaces = 0
  #evicted: string[] | undefined

  constructor({ maxEntries = 0, maxBytes = 0 }: Bounds) {
    // Called in the midst of a change, so it only takes notes.
    const dispose = (_: Entry, key: string, reason: LRUCache.DisposeReason): void => {
      if (reason === 'evict') this.#evicted?.push(key)
    }
    this.#lru = new LRUCache({ max: maxEntries, maxSize: maxBytes, dispose })
    // A walk that goes on after a pause needs places that stay; the iterators of lru-cache follow the order of use.
    this.#places = LRUCache.unsafeExposeInternals(this.#lru)
  }

  get size(): number {
    return this.#lru.size
  }

  get bytes(): number {
    return this.#lru.calculatedSize
  }

  get(key: string): Entry | undefined {
    return this.#lru.get(key)
  }

  /** Like {@link get}, leaving the order of use as it is. */
  peek(key: string): Entry | undefined {
    return this.#lru.peek(key)
  }

  /**
   * @param bytes - What the entry counts for where bytes are bounded, at most that bound.
   * @param evicted - Filled with the keys that went to make room, for who wants to know.
   */
  set(key: string, entry: Entry, bytes: number | undefined, evicted: string[] | undefined): void {
    const lru = this.#lru
    if (lru.size >= this.#mostPlaces) this.#mostPlaces = lru.size + 1
    this.#evicted = evicted
    if (bytes === undefined) lru.set(key, entry)
    else {
      if (lru.size >= MOST_ENTRIES && !lru.has(key)) lru.pop()
      lru.set(key, entry, { size: bytes })
    }
    this.#evicted = undefined
  }

  delete(key: string): boolean {
    // Deleting the last entry would clear all places, and take as long as there are places; popping it does not.
    if (this.#lru.size === 1 && this.#lru.has(key)) return this.#lru.pop() !== undefined
    return this.#lru.delete(key)
  }

  clear(): void {
    this.#lru.clear()
    this.#mostPlaces = 0
  }

  /** Places are numbered from 0 and an entry keeps its own while it lives; all in use are below this. */
  get places(): number {
    return this.#mostPlaces
  }

  keyAt(place: number): string | undefined {
    return this.#places.keyList[place] as string | undefined
  }

  entryAt(place: number): Entry | undefined {
    return this.#places.valList[place] as Entry | undefined
  }
}
