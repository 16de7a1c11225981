import { type Eviction, MOST_PASSED_OVER } from './eviction.ts'
import { HIT_MARK, QUEUE, type Slots } from './slots.ts'

/**
 * SIEVE: a queue in the order of arrival, and a hand that goes from the oldest to the newest and begins anew. It takes the mark of an
 * entry that was used since it last came by, and stops at the first that was not. That one goes.
 *
 * @see Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024
 */
export class Sieve implements Eviction {
  readonly mostMark: number = HIT_MARK
  readonly #slots: Slots
  /** The entry looked at next; none is the oldest. */
  #hand: number = QUEUE

  constructor(slots: Slots) {
    this.#slots = slots
  }

  added(slot: number): void {
    this.#slots.marks[slot] = 0
    this.#slots.enter(QUEUE, slot)
  }

  removed(slot: number): void {
    if (this.#hand === slot) this.#hand = this.#slots.newer[slot] as number
    this.#slots.leave(slot)
  }

  restored(slot: number): void {
    this.#slots.marks[slot] = HIT_MARK
    this.#slots.enter(QUEUE, slot)
  }

  resized(): void {}

  evicted(): number {
    const { marks, newer } = this.#slots
    let slot = this.#hand
    if (slot === QUEUE) slot = newer[QUEUE] as number
    for (let passed = 0; marks[slot] !== 0 && passed < MOST_PASSED_OVER; passed += 1) {
      marks[slot] = 0
      slot = newer[slot] as number
      if (slot === QUEUE) slot = newer[QUEUE] as number
    }
    this.#hand = newer[slot] as number
    this.#slots.leave(slot)
    return slot
  }

  cleared(): void {
    this.#hand = QUEUE
  }
}
