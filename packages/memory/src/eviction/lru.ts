import type { Eviction } from './eviction.ts'
import { QUEUE, type Slots } from './slots.ts'

/** The entry goes whose last use is the longest ago. */
export class LeastRecentlyUsed implements Eviction {
  readonly mostMark = 0
  readonly #slots: Slots

  constructor(slots: Slots) {
    this.#slots = slots
  }

  added(slot: number): void {
    this.#slots.enter(QUEUE, slot)
  }

  removed(slot: number): void {
    this.#slots.leave(slot)
  }

  restored(slot: number): void {
    this.#slots.enter(QUEUE, slot)
  }

  resized(): void {}

  evicted(): number {
    const slot = this.#slots.newer[QUEUE] as number
    this.#slots.leave(slot)
    return slot
  }

  cleared(): void {}
}
