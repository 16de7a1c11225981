import type { CacheValue } from '@hitbox/core'

type Entry = CacheValue<unknown>
/** Two kinds of place for sizes: four bytes each where no entry can be larger than they can tell. */
type Sizes = Uint32Array | Float64Array

/**
 * Slots where queues begin and end: `newer` of one is the oldest of its queue, `older` its newest, and both are the queue
 * itself while that is empty. No entry is in them, so 0 is also free to mean none.
 */
export const QUEUE = 0
export const SECOND_QUEUE = 1
const FIRST_SLOT = 2
const FEWEST_SLOTS = 64
const LARGEST_SMALL_SIZE = 2 ** 32 - 1

/** What a hit adds to the mark of an entry; the bit below is left to the policy. */
export const HIT_MARK = 2

/**
 * Where entries are kept: what belongs to one is found under its slot, a number that stays with it while it lives and is then used
 * again. Parallel lists of numbers cost an entry 8 bytes for both links, and the collector of garbage does not look into them. They
 * grow to twice their length, never past the bound: a large bound takes no room before it is used.
 */
export class Slots {
  readonly #most: number
  readonly #withSizes: 'small' | 'large' | undefined
  #capacity = 0
  #used = FIRST_SLOT
  /** Slots given back, chained by `newer`. */
  #free = 0
  keys: (string | undefined)[] = []
  entries: (Entry | undefined)[] = []
  older: Uint32Array = new Uint32Array(0)
  newer: Uint32Array = new Uint32Array(0)
  /** How often it was used, times {@link HIT_MARK}, as far as the policy counts. */
  marks: Uint8Array = new Uint8Array(0)
  sizes: Sizes | undefined
  bytes = 0

  constructor(maxEntries: number, maxBytes: number | undefined) {
    this.#most = maxEntries + FIRST_SLOT
    if (maxBytes !== undefined) this.#withSizes = maxBytes > LARGEST_SMALL_SIZE ? 'large' : 'small'
    this.clear()
  }

  /** All in use are below this. */
  get end(): number {
    return this.#used
  }

  /** How many entries there is room for. */
  get capacity(): number {
    return this.#capacity - FIRST_SLOT
  }

  clear(): void {
    this.#used = FIRST_SLOT
    this.#free = 0
    this.#capacity = 0
    this.keys = []
    this.entries = []
    this.older = new Uint32Array(0)
    this.newer = new Uint32Array(0)
    this.marks = new Uint8Array(0)
    this.sizes = undefined
    this.bytes = 0
    this.#grow()
    this.older[SECOND_QUEUE] = SECOND_QUEUE
    this.newer[SECOND_QUEUE] = SECOND_QUEUE
  }

  take(key: string, entry: Entry, bytes: number): number {
    let slot = this.#free
    if (slot === 0) {
      if (this.#used === this.#capacity) this.#grow()
      slot = this.#used
      this.#used += 1
    } else this.#free = this.newer[slot] as number
    this.keys[slot] = key
    this.entries[slot] = entry
    if (this.sizes !== undefined) {
      this.sizes[slot] = bytes
      this.bytes += bytes
    }
    return slot
  }

  /** The entry must have left its queue. */
  giveBack(slot: number): void {
    this.keys[slot] = undefined
    this.entries[slot] = undefined
    this.bytes -= this.sizeOf(slot)
    this.newer[slot] = this.#free
    this.#free = slot
  }

  /** What the entry counts for; 0 where bytes are not bounded. */
  sizeOf(slot: number): number {
    return this.sizes === undefined ? 0 : (this.sizes[slot] as number)
  }

  /** @returns by how much the entry is larger than before. */
  resize(slot: number, bytes: number): number {
    if (this.sizes === undefined) return 0
    const difference = bytes - (this.sizes[slot] as number)
    this.sizes[slot] = bytes
    this.bytes += difference
    return difference
  }

  /** Puts an entry that is in no queue where the newest are. */
  enter(queue: number, slot: number): void {
    const { older, newer } = this
    const newest = older[queue] as number
    older[slot] = newest
    newer[slot] = queue
    newer[newest] = slot
    older[queue] = slot
  }

  leave(slot: number): void {
    const { older, newer } = this
    const before = older[slot] as number
    const after = newer[slot] as number
    newer[before] = after
    older[after] = before
  }

  /** Makes an entry the newest of a queue, from wherever it is. */
  renew(queue: number, slot: number): void {
    if (this.older[queue] === slot) return
    this.leave(slot)
    this.enter(queue, slot)
  }

  #grow(): void {
    const capacity = Math.min(this.#most, Math.max(FEWEST_SLOTS, this.#capacity * 2))
    this.#capacity = capacity
    // Exactly as long as wanted: a list that grows by itself takes half as much again.
    this.keys.length = capacity
    this.entries.length = capacity
    this.older = copied(this.older, new Uint32Array(capacity))
    this.newer = copied(this.newer, new Uint32Array(capacity))
    this.marks = copied(this.marks, new Uint8Array(capacity))
    if (this.#withSizes === undefined) return
    const sizes =
      this.#withSizes === 'small' ? new Uint32Array(capacity) : new Float64Array(capacity)
    this.sizes = copied(this.sizes ?? [], sizes)
  }
}

function copied<To extends Sizes | Uint8Array>(from: ArrayLike<number>, target: To): To {
  target.set(from)
  return target
}
