import { hashOf } from '../../src/eviction/ghosts.ts'
import type { EvictionPolicy } from '../../src/index.ts'

/** The policies as their papers say them, in plain lists whose first is the oldest: slow, and easy to believe. */
export interface PolicyModel {
  use(key: string): void
  add(item: Item): void
  remove(key: string): Item
  /** Puts back what was removed, used once more. */
  restore(item: Item): void
  victim(): string
}

export interface Item {
  readonly key: string
  bytes: number
  hits: number
  inMain: boolean
}

export interface ModelBounds {
  readonly maxEntries: number
  readonly maxBytes: number | undefined
}

/** A cache with nothing but a policy and bounds. */
export class CacheModel {
  readonly items = new Map<string, Item>()
  readonly #makePolicy: () => PolicyModel
  readonly #bounds: ModelBounds
  #policy: PolicyModel

  constructor(makePolicy: () => PolicyModel, bounds: ModelBounds) {
    this.#makePolicy = makePolicy
    this.#policy = makePolicy()
    this.#bounds = bounds
  }

  get bytes(): number {
    return [...this.items.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get(key: string): boolean {
    if (!this.items.has(key)) return false
    this.#policy.use(key)
    return true
  }

  /** @returns the keys that went, in their order. */
  set(key: string, bytes: number): string[] {
    const { maxEntries, maxBytes = Infinity } = this.#bounds
    const evicted: string[] = []
    const evict = (): void => {
      const victim = this.#policy.victim()
      this.#policy.remove(victim)
      this.items.delete(victim)
      evicted.push(victim)
    }
    const old = this.items.get(key)
    if (old === undefined) {
      while (this.items.size >= maxEntries || this.bytes + bytes > maxBytes) evict()
      const item = { key, bytes, hits: 0, inMain: false }
      this.items.set(key, item)
      this.#policy.add(item)
      return evicted
    }
    old.bytes = bytes
    if (this.bytes <= maxBytes) {
      this.#policy.use(key)
      return evicted
    }
    const item = this.#policy.remove(key)
    while (this.bytes > maxBytes) evict()
    this.#policy.restore(item)
    return evicted
  }

  delete(key: string): boolean {
    if (!this.items.delete(key)) return false
    this.#policy.remove(key)
    return true
  }

  clear(): void {
    this.items.clear()
    this.#policy = this.#makePolicy()
  }
}

class LruModel implements PolicyModel {
  readonly #queue: Item[] = []

  use(key: string): void {
    this.#queue.push(this.remove(key))
  }

  add(item: Item): void {
    this.#queue.push(item)
  }

  restore(item: Item): void {
    this.#queue.push(item)
  }

  remove(key: string): Item {
    return takeFrom(this.#queue, key) as Item
  }

  victim(): string {
    return this.#queue[0]!.key
  }
}

/** Algorithm 1 of Zhang et al., NSDI 2024: `hits` is the visited bit. */
class SieveModel implements PolicyModel {
  readonly #queue: Item[] = []
  #hand: Item | undefined

  use(key: string): void {
    this.#queue.find((item) => item.key === key)!.hits = 1
  }

  add(item: Item): void {
    this.#queue.push(item)
  }

  restore(item: Item): void {
    item.hits = 1
    this.#queue.push(item)
  }

  remove(key: string): Item {
    if (this.#hand?.key === key) this.#hand = this.#queue[this.#queue.indexOf(this.#hand) + 1]
    return takeFrom(this.#queue, key) as Item
  }

  victim(): string {
    let item = this.#hand ?? this.#queue[0]!
    while (item.hits > 0) {
      item.hits = 0
      item = this.#queue[this.#queue.indexOf(item) + 1] ?? this.#queue[0]!
    }
    this.#hand = item
    return item.key
  }
}

/** Algorithm 1 of Yang et al., SOSP 2023; it goes on with the main queue as soon as that is over its share. */
class S3FifoModel implements PolicyModel {
  readonly #small: Item[] = []
  readonly #main: Item[] = []
  readonly #ghosts: GhostModel
  readonly #bounds: ModelBounds

  constructor(ghosts: GhostModel, bounds: ModelBounds) {
    this.#ghosts = ghosts
    this.#bounds = bounds
  }

  use(key: string): void {
    const item = [...this.#small, ...this.#main].find((found) => found.key === key)!
    item.hits = Math.min(item.hits + 1, 3)
  }

  add(item: Item): void {
    item.inMain = this.#ghosts.take(item.key)
    ;(item.inMain ? this.#main : this.#small).push(item)
  }

  restore(item: Item): void {
    item.hits = Math.min(item.hits + 1, 3)
    ;(item.inMain ? this.#main : this.#small).push(item)
  }

  remove(key: string): Item {
    return (takeFrom(this.#small, key) ?? takeFrom(this.#main, key)) as Item
  }

  victim(): string {
    for (;;) {
      if (this.#small.length === 0 || this.#isMainOver()) {
        const oldest = this.#main[0]!
        if (oldest.hits === 0) return oldest.key
        oldest.hits -= 1
        this.#main.push(this.#main.shift()!)
      } else {
        const oldest = this.#small[0]!
        if (oldest.hits < 2) {
          this.#ghosts.add(oldest.key)
          return oldest.key
        }
        this.#small.shift()
        oldest.hits = 0
        oldest.inMain = true
        this.#main.push(oldest)
      }
    }
  }

  #isMainOver(): boolean {
    const { maxEntries, maxBytes = Infinity } = this.#bounds
    const bytes = this.#main.reduce((sum, item) => sum + item.bytes, 0)
    return this.#main.length > mainShare(maxEntries) || bytes > mainShare(maxBytes)
  }
}

/** The last eight keys that went in each of so many rows; a key has its row by its hash. */
class GhostModel {
  readonly #rows: (string | undefined)[][]

  constructor(wanted: number) {
    this.#rows = Array.from({ length: Math.ceil(wanted / 8) }, () => [])
  }

  add(key: string): void {
    const row = this.#rowOf(key)
    row.push(key)
    if (row.length > 8) row.shift()
  }

  take(key: string): boolean {
    const row = this.#rowOf(key)
    const index = row.lastIndexOf(key)
    if (index !== -1) row[index] = undefined
    return index !== -1
  }

  #rowOf(key: string): (string | undefined)[] {
    const share = (hashOf(key) >>> 0) / 2 ** 32
    return this.#rows[Math.floor(share * this.#rows.length)]!
  }
}

function mainShare(bound: number): number {
  return bound === Infinity ? bound : bound - Math.max(1, Math.floor(bound / 10))
}

/** @param room - Entries that the real one has room for, of which nine in ten is how many ghosts there are. */
export function cacheModel(policy: EvictionPolicy, bounds: ModelBounds, room: number): CacheModel {
  const makers: Record<EvictionPolicy, () => PolicyModel> = {
    lru: () => new LruModel(),
    sieve: () => new SieveModel(),
    's3-fifo': () => new S3FifoModel(new GhostModel(Math.max(1, mainShare(room))), bounds),
  }
  return new CacheModel(makers[policy], bounds)
}

function takeFrom(queue: Item[], key: string): Item | undefined {
  const index = queue.findIndex((item) => item.key === key)
  return index === -1 ? undefined : queue.splice(index, 1)[0]
}
