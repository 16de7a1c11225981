import {
  type CacheBackend,
  type CacheValue,
  type Context,
  createContext,
  isPromise,
  type MaybePromise,
  type Reporter,
} from '@hitbox/core'
import type { CheapTime } from './cheap-time.ts'
import type { Engine } from './engine.ts'
import type { HitboxEvent } from './events.ts'
import type { Flights } from './flight/flights.ts'
import type { Ledger } from './ledger.ts'
import { follow, type Polled } from './state/poll.ts'
import { usableUntil } from './state/serve.ts'
import type { Scope, Versions } from './versions/versions.ts'

const NOTHING: Polled = Object.freeze({ entry: undefined, context: undefined })

/**
 * Fresh values that are there at once: the way of nearly all calls. A hit makes no function, object or promise here; who is
 * observed, and what is not fresh, goes through the states instead.
 */
export class QuickHits {
  readonly #engine: Engine
  readonly #tiers: CacheBackend
  readonly #flights: Flights
  readonly #announcer: Reporter<HitboxEvent>
  readonly #time: CheapTime
  readonly #ledger: Ledger
  readonly #versions: Versions
  readonly #scope: Scope
  /** Whether there is nothing below this memory, so that it need not be asked with a context to know why it lacks something. */
  readonly #memory: boolean
  readonly #usable: boolean
  /** For the next question; a hit leaves it as it is. */
  #spare: { readonly context: Context; readonly quick: true } = newSpare()
  #seen: MaybePromise<Polled> | undefined
  #seenKey = ''

  constructor(engine: Engine, scope: Scope, announcer: Reporter<HitboxEvent>) {
    this.#engine = engine
    this.#tiers = engine.tiers
    this.#flights = engine.flights
    this.#announcer = announcer
    this.#time = engine.time
    this.#ledger = engine.ledger
    this.#versions = engine.versions
    this.#scope = scope
    this.#usable = engine.tiers.peek !== undefined
    this.#memory = isMemory(engine.tiers)
  }

  /** @returns the entry, counted as a hit; or `undefined`, and then {@link QuickHits.seen} may tell more. */
  find(text: string): CacheValue<unknown> | undefined {
    this.#seen = undefined
    if (!this.#usable || this.#announcer.active) return undefined
    if (this.#flights.size > 0 && this.#flights.has(text)) return undefined
    const entry = this.#memory ? this.#ask(text) : this.#askBelow(text)
    if (entry === undefined) return undefined
    this.#ledger.calls += 1
    this.#ledger.hits += 1
    return entry
  }

  /** What the tiers said, or are about to, when {@link QuickHits.find} has just asked them in vain: they are not asked twice. */
  seen(text: string): MaybePromise<Polled> | undefined {
    const seen = this.#seen
    this.#seen = undefined
    return this.#seenKey === text ? seen : undefined
  }

  /** What may be served without looking anywhere else. */
  peek(text: string): CacheValue<unknown> | undefined {
    const entry = this.#tiers.peek?.(text)
    if (entry === undefined || !this.#versions.heldHolds(this.#scope, entry)) return undefined
    if (this.#fresh(entry)) return entry
    return this.#time.before(usableUntil(entry)) ? entry : undefined
  }

  #ask(text: string): CacheValue<unknown> | undefined {
    const entry = this.#tiers.get(text)
    if (isPromise(entry)) {
      this.#seenKey = text
      this.#seen = follow(this.#engine, text, createContext(), () => entry)
      return undefined
    }
    if (entry !== undefined && this.#served(entry)) return entry
    this.#seenKey = text
    this.#seen = entry === undefined ? NOTHING : { entry, context: undefined }
    return undefined
  }

  #askBelow(text: string): CacheValue<unknown> | undefined {
    const { polls } = this.#engine
    if (polls.size > 0 && polls.has(text)) return undefined
    const { context } = this.#spare
    let answer: MaybePromise<CacheValue<unknown> | undefined>
    try {
      answer = this.#tiers.get(text, this.#spare)
    } catch (error) {
      answer = failing(error)
    }
    if (answer !== undefined && !isPromise(answer) && context.status === 'forward') {
      if (this.#served(answer)) return answer
      this.#seenKey = text
      this.#seen = { entry: answer, context: undefined }
      return undefined
    }
    const given = answer
    this.#spare = newSpare()
    this.#seenKey = text
    this.#seen = follow(this.#engine, text, context, () => given)
    return undefined
  }

  #served(entry: CacheValue<unknown>): boolean {
    return this.#fresh(entry) && this.#versions.holds(this.#scope, entry)
  }

  /** A tier gives nothing that has expired, so what goes stale only then is fresh. */
  #fresh({ staleAt, expiresAt }: CacheValue<unknown>): boolean {
    return staleAt === expiresAt || this.#time.before(staleAt)
  }
}

/** Whether this is a memory backend: no other tier has a size. */
function isMemory(tier: CacheBackend & { readonly size?: unknown }): boolean {
  return tier.peek !== undefined && typeof tier.size === 'number'
}

async function failing(error: unknown): Promise<never> {
  throw error
}

function newSpare(): { readonly context: Context; readonly quick: true } {
  return { context: createContext(), quick: true }
}
