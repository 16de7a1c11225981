import { type Bounds, type Eviction, MOST_PASSED_OVER } from './eviction.ts'
import { Ghosts, hashOf } from './ghosts.ts'
import { HIT_MARK, QUEUE, SECOND_QUEUE, type Slots } from './slots.ts'

const MAIN = QUEUE
const SMALL = SECOND_QUEUE
/** The bit of a mark that tells in which queue an entry is. */
const IN_MAIN = 1
const MOST_HITS = 3
/** Hits that get an entry from the small queue into the main one. */
const ENOUGH_HITS = 2
const SMALL_SHARE = 0.1

/**
 * S3-FIFO: what is new waits in a small queue, a tenth of the room. Who is used twice there goes on to the main queue, who is not is
 * dropped and remembered for a while: coming back, it goes to the main queue at once. There the oldest is the next to go, and starts
 * again as the newest for each of up to three hits. So what is asked for once passes through a tenth of the room and leaves the rest alone.
 *
 * @see Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023
 */
export class S3Fifo implements Eviction {
  readonly mostMark: number = MOST_HITS * HIT_MARK
  readonly #slots: Slots
  readonly #mostEntriesInMain: number
  readonly #mostBytesInMain: number
  #entriesInSmall = 0
  #entriesInMain = 0
  #bytesInMain = 0
  /** Of the keys, by slot: read again when an entry goes. */
  #hashes = new Int32Array(0)
  /** Made when the first entry goes: until then it would be room for nothing. */
  #ghosts: Ghosts | undefined
  #roomForGhosts = 0

  constructor(slots: Slots, { maxEntries, maxBytes }: Bounds) {
    this.#slots = slots
    this.#mostEntriesInMain = mainShare(maxEntries)
    this.#mostBytesInMain = mainShare(maxBytes ?? Number.POSITIVE_INFINITY)
  }

  added(slot: number, key: string): void {
    const hash = hashOf(key)
    if (slot >= this.#hashes.length) this.#grow()
    this.#hashes[slot] = hash
    this.#slots.marks[slot] = 0
    if (this.#ghosts?.take(hash) === true) this.#enterMain(slot)
    else this.#enterSmall(slot)
  }

  removed(slot: number): void {
    if (this.#isInMain(slot)) this.#leaveMain(slot)
    else this.#leaveSmall(slot)
  }

  restored(slot: number): void {
    const { marks } = this.#slots
    const mark = marks[slot] as number
    if (mark < this.mostMark) marks[slot] = mark + HIT_MARK
    if (this.#isInMain(slot)) this.#enterMain(slot)
    else this.#enterSmall(slot)
  }

  resized(slot: number, difference: number): void {
    if (this.#isInMain(slot)) this.#bytesInMain += difference
  }

  evicted(): number {
    const { marks, newer } = this.#slots
    for (let passed = 0; ; passed += 1) {
      const isLast = passed === MOST_PASSED_OVER
      if (this.#entriesInSmall === 0 || this.#isMainOver()) {
        const slot = newer[MAIN] as number
        const mark = marks[slot] as number
        if (mark < HIT_MARK || isLast) return this.#leaveMain(slot)
        marks[slot] = mark - HIT_MARK
        this.#slots.renew(MAIN, slot)
      } else {
        const slot = newer[SMALL] as number
        this.#leaveSmall(slot)
        if ((marks[slot] as number) < ENOUGH_HITS * HIT_MARK || isLast) return this.#remember(slot)
        marks[slot] = 0
        this.#enterMain(slot)
      }
    }
  }

  cleared(): void {
    this.#entriesInSmall = 0
    this.#entriesInMain = 0
    this.#bytesInMain = 0
    this.#hashes = new Int32Array(0)
    this.#ghosts = undefined
    this.#roomForGhosts = 0
  }

  #isInMain(slot: number): boolean {
    return ((this.#slots.marks[slot] as number) & IN_MAIN) !== 0
  }

  #isMainOver(): boolean {
    return (
      this.#entriesInMain > this.#mostEntriesInMain || this.#bytesInMain > this.#mostBytesInMain
    )
  }

  #enterMain(slot: number): void {
    const slots = this.#slots
    slots.marks[slot] = (slots.marks[slot] as number) | IN_MAIN
    this.#entriesInMain += 1
    this.#bytesInMain += slots.sizeOf(slot)
    slots.enter(MAIN, slot)
  }

  #enterSmall(slot: number): void {
    this.#entriesInSmall += 1
    this.#slots.enter(SMALL, slot)
  }

  #leaveMain(slot: number): number {
    this.#entriesInMain -= 1
    this.#bytesInMain -= this.#slots.sizeOf(slot)
    this.#slots.leave(slot)
    return slot
  }

  #leaveSmall(slot: number): void {
    this.#entriesInSmall -= 1
    this.#slots.leave(slot)
  }

  #remember(slot: number): number {
    // As many as the main queue can hold, which where bytes are bounded only time tells.
    if (this.#roomForGhosts !== this.#slots.capacity) this.#makeGhosts()
    this.#ghosts?.add(this.#hashes[slot] as number)
    return slot
  }

  #makeGhosts(): void {
    this.#roomForGhosts = this.#slots.capacity
    this.#ghosts = new Ghosts(Math.max(1, mainShare(this.#roomForGhosts)))
  }

  #grow(): void {
    const hashes = new Int32Array(this.#slots.keys.length)
    hashes.set(this.#hashes)
    this.#hashes = hashes
  }
}

function mainShare(bound: number): number {
  if (bound === Number.POSITIVE_INFINITY) return bound
  return bound - Math.max(1, Math.floor(bound * SMALL_SHARE))
}
