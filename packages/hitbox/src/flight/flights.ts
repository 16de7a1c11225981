import type { Flight } from './flight.ts'

/** The flights that callers can join, one per key; and all that have not ended, for who closes the cache. */
export class Flights {
  readonly #byKey = new Map<string, Flight>()
  readonly #all = new Set<Flight>()
  #idle: (() => void)[] = []

  /** How many can be joined. */
  get size(): number {
    return this.#byKey.size
  }

  get active(): number {
    return this.#all.size
  }

  has(text: string): boolean {
    return this.#byKey.has(text)
  }

  get(text: string): Flight | undefined {
    return this.#byKey.size === 0 ? undefined : this.#byKey.get(text)
  }

  /** From now on callers join this one. */
  add(flight: Flight): void {
    this.unlist(this.get(flight.text))
    this.#byKey.set(flight.text, flight)
    this.#all.add(flight)
  }

  /** From now on nobody joins this flight. What no lease keeps from storing what is over does not store. */
  unlist(flight: Flight | undefined): void {
    if (flight === undefined || this.get(flight.text) !== flight) return
    this.#byKey.delete(flight.text)
    if (flight.claim === undefined) flight.detach()
  }

  /** From now on nobody joins the flight of this key, and nothing of it is stored. */
  detach(text: string): void {
    const flight = this.get(text)
    if (flight === undefined) return
    flight.detach()
    this.#byKey.delete(text)
  }

  /** {@link Flights.detach} for every flight whose value belongs to one of these, or may. What waits for others has seen nothing yet. */
  detachOf(names: readonly string[]): void {
    for (const flight of this.#byKey.values()) {
      if (flight.waiting) continue
      const { marks } = flight.sight
      const concerned = names.some(
        (name) => marks?.[name] !== undefined || flight.tags.includes(name),
      )
      if (concerned || marks === undefined) this.detach(flight.text)
    }
  }

  /** Changes by others that concern what is under way will not be told any more. */
  trackNone(): void {
    for (const flight of this.#all) flight.tracked = false
  }

  /** Nobody joins the flight any more. */
  release(flight: Flight): void {
    flight.detach()
    if (this.#byKey.get(flight.text) === flight) this.#byKey.delete(flight.text)
  }

  /** The flight has ended, and what became of its value is known. */
  ended(flight: Flight): void {
    if (!this.#all.delete(flight) || this.#all.size > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  /** Resolves when no flight is under way. */
  drained(): Promise<void> {
    if (this.#all.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  [Symbol.iterator](): Iterator<Flight> {
    return [...this.#all].values()
  }
}
