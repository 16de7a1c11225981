import type { CacheValue } from '@hitbox/core'
import type { Bounds, Eviction } from './eviction/eviction.ts'
import { type EvictionPolicy, evictionFor } from './eviction/policies.ts'
import { HIT_MARK, QUEUE, Slots } from './eviction/slots.ts'

type Entry = CacheValue<unknown>

/** Entries within bounds, and which of them goes when there is no room. Knows no time. */
export class Entries {
  readonly #slotOf = new Map<string, number>()
  readonly #slots: Slots
  readonly #eviction: Eviction
  readonly #mostMark: number
  readonly #maxEntries: number
  readonly #maxBytes: number

  constructor(policy: EvictionPolicy, bounds: Bounds) {
    this.#maxEntries = bounds.maxEntries
    this.#maxBytes = bounds.maxBytes ?? Number.POSITIVE_INFINITY
    this.#slots = new Slots(bounds.maxEntries, bounds.maxBytes)
    this.#eviction = evictionFor(policy, this.#slots, bounds)
    this.#mostMark = this.#eviction.mostMark
  }

  get size(): number {
    return this.#slotOf.size
  }

  /** What the entries count for together; 0 where bytes are not bounded. */
  get bytes(): number {
    return this.#slots.bytes
  }

  /** @returns the place of the entry, or 0: no entry is there. To find one is no {@link use} of it. */
  find(key: string): number {
    return this.#slotOf.get(key) ?? 0
  }

  /** Tells that the entry of a place was used. The same lines for all policies, so that the compiler sees one kind of them. */
  use(place: number): void {
    if (this.#mostMark === 0) {
      this.#slots.renew(QUEUE, place)
      return
    }
    const { marks } = this.#slots
    const mark = marks[place] as number
    if (mark < this.#mostMark) marks[place] = mark + HIT_MARK
  }

  /**
   * To set what is there is a use of it.
   *
   * @param bytes - What the entry counts for where bytes are bounded, at most that bound.
   * @param evicted - Filled with the keys that went to make room, for who wants to know.
   */
  set(key: string, entry: Entry, bytes: number, evicted: string[] | undefined): void {
    const slot = this.#slotOf.get(key)
    if (slot !== undefined) {
      this.#replace(slot, entry, bytes, evicted)
      return
    }
    while (this.#slotOf.size >= this.#maxEntries) this.#evict(evicted)
    while (this.#slots.bytes + bytes > this.#maxBytes) this.#evict(evicted)
    const taken = this.#slots.take(key, entry, bytes)
    this.#slotOf.set(key, taken)
    this.#eviction.added(taken, key)
  }

  delete(key: string): boolean {
    const slot = this.#slotOf.get(key)
    if (slot === undefined) return false
    this.#slotOf.delete(key)
    this.#eviction.removed(slot)
    this.#slots.giveBack(slot)
    return true
  }

  clear(): void {
    this.#slotOf.clear()
    this.#slots.clear()
    this.#eviction.cleared()
  }

  /** Places are numbers, and an entry keeps its own while it lives; all in use are below this. */
  get places(): number {
    return this.#slots.end
  }

  keyAt(place: number): string | undefined {
    return this.#slots.keys[place]
  }

  entryAt(place: number): Entry | undefined {
    return this.#slots.entries[place]
  }

  #replace(slot: number, entry: Entry, bytes: number, evicted: string[] | undefined): void {
    const slots = this.#slots
    slots.entries[slot] = entry
    const difference = slots.resize(slot, bytes)
    if (difference !== 0) this.#eviction.resized(slot, difference)
    if (slots.bytes <= this.#maxBytes) {
      this.use(slot)
      return
    }
    // Out of the way, so that it is not what goes to make room for itself.
    this.#eviction.removed(slot)
    while (slots.bytes > this.#maxBytes) this.#evict(evicted)
    this.#eviction.restored(slot)
  }

  #evict(evicted: string[] | undefined): void {
    const slot = this.#eviction.evicted()
    const key = this.#slots.keys[slot] as string
    this.#slotOf.delete(key)
    this.#slots.giveBack(slot)
    evicted?.push(key)
  }
}
