import { type CacheBackend, type CacheValue, CheapTime, type Reporter } from '@hitbox/core'
import type { Engine } from './engine.ts'
import type { HitboxEvent } from './events.ts'
import type { Flights } from './flight/flights.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import { hitOf } from './state/poll.ts'
import { usableUntil } from './state/serve.ts'
import type { Scope } from './versions/scope.ts'
import type { Versions } from './versions/versions.ts'

/**
 * Fresh values that are there at once: the way of nearly all calls. A hit makes no function, object or promise here; who is
 * observed, and what is not fresh, goes through the states instead.
 */
export class QuickHits {
  readonly #tiers: CacheBackend
  readonly #flights: Flights
  readonly #announcer: Reporter<HitboxEvent>
  readonly #time: CheapTime
  readonly #ledger: Ledger
  readonly #versions: Versions
  readonly #scope: Scope
  /** What must be obeyed was acknowledged before this moment; `undefined` for the bound of the tiers. */
  readonly #since: number | undefined

  constructor(engine: Engine, scope: Scope, { announcer, fresh }: Policy) {
    this.#tiers = engine.tiers
    this.#flights = engine.flights
    this.#announcer = announcer
    this.#time = new CheapTime(engine.clock)
    this.#ledger = engine.ledger
    this.#versions = engine.versions
    this.#scope = scope
    this.#since = fresh?.kind === 'local' ? Number.NEGATIVE_INFINITY : undefined
  }

  /** @returns the entry, counted as a hit, if there is one that can be handed out at once. */
  find(text: string): CacheValue<unknown> | undefined {
    if (this.#announcer.active) return undefined
    if (this.#flights.size > 0 && this.#flights.has(text)) return undefined
    const entry = hitOf(this.#tiers, text, this.#since)
    if (entry === undefined || !this.#versions.holds(this.#scope, entry, this.#since)) {
      return undefined
    }
    this.#ledger.hitsAtOnce += 1
    return entry
  }

  /** What may be served without looking anywhere else. */
  peek(text: string): CacheValue<unknown> | undefined {
    const entry = this.#tiers.peek?.(text)
    if (entry === undefined || !this.#versions.heldHolds(this.#scope, entry)) return undefined
    // A tier gives nothing that has expired, so what goes stale only then is fresh.
    if (entry.staleAt === entry.expiresAt || this.#time.isAhead(entry.staleAt)) return entry
    return this.#time.isAhead(usableUntil(entry)) ? entry : undefined
  }
}
