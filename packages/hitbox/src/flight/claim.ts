import {
  CacheError,
  type CacheValue,
  chain,
  type Context,
  createContext,
  failed,
  isPromise,
  type ItemResult,
  type Lease,
  type LeaseAnswer,
  type Leases,
  sourcePath,
  succeeded,
  type Timer,
  unwrap,
} from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import { sound } from '../state/poll.ts'
import type { Request } from '../state/request.ts'
import { usableUntil } from '../state/serve.ts'
import { failFlight, lateLoad } from './attempt.ts'
import type { Flight, FlightClaim, Runner } from './flight.ts'

/** What a claim is for. */
export interface Wish {
  readonly flight: Flight
  readonly request: Request
  /** An old value that is as good as the one found, if that is not newer. */
  readonly held: CacheValue<unknown> | undefined
  /** The entry that is to be replaced. */
  readonly over: CacheValue<unknown> | undefined
  /** `load`: callers wait. `refresh`: nobody does. `reload`: whatever others have or make is not wanted. */
  readonly kind: 'load' | 'refresh' | 'reload'
  /** Begins to make the value. Called at most once. */
  readonly proceed: () => void
}

/** Why a refresh was given up: somebody else makes the value, or nobody wants it any more. */
export const GIVEN_UP: DOMException = new DOMException(
  'another makes it, or it was changed before this began',
  'AbortError',
)

/** How often somebody who waits looks for himself where changes are told, in ms: a net below what is told. */
const LOOK_MS = 250
/** The first look where they are not; each one waits twice as long, up to {@link LOOK_MS}. */
const FIRST_LOOK_MS = 10
/** How much later an entry must go stale to be another one: the same one, read twice, differs by what clocks cannot tell. */
const SAME_MS = 100
/** Who is told of changes faster than he can ask goes on without an answer. */
const MOST_TURNS = 8

/**
 * The way of a flight to the right to make its value, so that one process of all does: it is granted, or somebody else has it and is waited for,
 * or he has made the value already. Where the tiers do not answer the value is made without it, and not stored.
 */
export class Claim implements Runner, FlightClaim {
  readonly #engine: Engine
  readonly #leases: Leases
  readonly #wish: Wish
  #lease: Lease | undefined
  /** Why there is none. */
  #without: unknown
  #state: 'asking' | 'waiting' | 'ready' | 'over' = 'asking'
  /** Whether something was told of the key since it was asked for. */
  #told = false
  #turns = 0
  #lookMs = FIRST_LOOK_MS
  #renewal: Timer | undefined
  #look: Timer | undefined
  #deadline: Timer | undefined

  constructor(engine: Engine, leases: Leases, wish: Wish) {
    this.#engine = engine
    this.#leases = leases
    this.#wish = wish
  }

  get waiting(): boolean {
    return this.#state === 'asking' || this.#state === 'waiting'
  }

  /** @returns a promise that resolves with the first answer, whatever it is. */
  start(): Promise<void> {
    const { flight, request, over, kind } = this.#wish
    const { clock, claims, label } = this.#engine
    const { hardTimeoutMs } = request.policy
    flight.add(this)
    flight.claim = this
    flight.tracked = this.#isTold()
    claims.add(flight.text, this)
    this.#deadline = clock.setTimeout(() => {
      if (this.#end()) {
        failFlight(this.#engine, request.policy, flight, this, lateLoad(label, hardTimeoutMs))
      }
    }, hardTimeoutMs)
    request.trace?.push('lease')
    return this.#ask(kind === 'reload' ? 'anything' : over)
  }

  abandon(): void {
    this.#end()
  }

  wake(): void {
    this.#told = true
    if (this.#state === 'waiting') void this.#ask(this.#wish.over)
  }

  letGo(): void {
    const lease = this.#lease
    this.#lease = undefined
    this.#renewal?.cancel()
    if (lease !== undefined) this.#release(lease)
    // Those who wait are answered all the same.
    else if (this.waiting && this.#wish.flight.open) this.#goOnWithout()
  }

  spend(): ItemResult<Lease> {
    const lease = this.#lease
    this.#lease = undefined
    this.#renewal?.cancel()
    return lease === undefined ? failed(this.#without) : succeeded(lease)
  }

  /** Whether changes of the key by others are told from now on. */
  #isTold(): boolean {
    return this.#engine.coherence?.copyMs === Number.POSITIVE_INFINITY
  }

  async #ask(over: CacheValue<unknown> | 'anything' | undefined): Promise<void> {
    this.#state = 'asking'
    this.#told = false
    this.#look?.cancel()
    const { text } = this.#wish.flight
    const context = createContext()
    const taken = settled(() => this.#leases.take(text, { over, context }))
    const result = await settled(() => chain(this.#engine.inTime('read', taken), unwrap))
    // What is granted too late is nobody's.
    if (!result.ok) {
      void chain(taken, (late) => {
        if (late.ok && late.value.is === 'granted') this.#release(late.value.lease)
      })
    }
    await this.#take(result, over, context)
  }

  async #take(
    result: ItemResult<LeaseAnswer>,
    over: CacheValue<unknown> | 'anything' | undefined,
    context: Context,
  ): Promise<void> {
    const granted = result.ok && result.value.is === 'granted' ? result.value.lease : undefined
    if (this.#state !== 'asking') {
      if (granted !== undefined) this.#release(granted)
      return
    }
    if (!result.ok) {
      this.#engine.noteDown()
      this.#proceed(undefined, result.error)
      return
    }
    this.#turns += 1
    if (granted !== undefined) {
      // What was told since may have been the end of it.
      if (!this.#told || this.#turns >= MOST_TURNS) return this.#prepare(granted, over)
      this.#release(granted)
      return this.#ask(over)
    }
    const answer = result.value
    if (answer.is === 'refused') {
      this.#wish.flight.storable = false
      this.#goOnWithout()
    } else if (answer.is === 'held') this.#wait(answer.forMs)
    else if (answer.is === 'found') {
      if (this.#told && this.#turns < MOST_TURNS) return this.#ask(over)
      await this.#judge(answer.value, context)
    }
  }

  /** What the value belongs to may have been changed since it was asked for. */
  async #prepare(lease: Lease, over: CacheValue<unknown> | 'anything' | undefined): Promise<void> {
    const { scope, policy } = this.#wish.request
    const { versions } = this.#engine
    let ready = versions.prepare(scope, policy.tags)
    // More may be changed while one is asked for.
    for (; isPromise(ready); ready = versions.prepare(scope, policy.tags)) {
      await ready
      const told = this.#told && this.#turns < MOST_TURNS
      if (told || this.#state !== 'asking') this.#release(lease)
      if (this.#state !== 'asking') return
      if (told) return this.#ask(over)
      this.#turns += 1
      if (this.#turns >= MOST_TURNS) break
    }
    this.#proceed(lease, undefined)
  }

  #wait(forMs: number): void {
    const { over } = this.#wish
    if (this.#unwanted) {
      this.#quit()
      return
    }
    if (this.#told) {
      void this.#ask(over)
      return
    }
    this.#state = 'waiting'
    this.#turns = 0
    const look = this.#isTold() ? LOOK_MS : this.#lookMs
    this.#lookMs = Math.min(2 * this.#lookMs, LOOK_MS)
    // A moment after its end it is gone.
    const delayMs = Math.min(forMs + 1, look)
    this.#look = this.#engine.clock.setTimeout(() => {
      if (this.#state === 'waiting') void this.#ask(over)
    }, delayMs)
  }

  /** Another value than the one that is to be replaced: news, or no better. */
  async #judge(found: CacheValue<unknown>, context: Context): Promise<void> {
    const { request, held, over } = this.#wish
    const { entry } = await sound(this.#engine, request, { entry: found, context })
    if (this.#state !== 'asking') return
    const { clock } = this.#engine
    const now = clock.now()
    const isNews =
      entry !== undefined &&
      entry.staleAt > now &&
      usableUntil(entry) > now &&
      (held === undefined || entry.staleAt > held.staleAt + SAME_MS)
    if (isNews && !this.#told) return this.#land(entry)
    if (this.#turns < MOST_TURNS) return this.#ask(this.#told ? over : found)
    // Somebody changes the key faster than it can be asked for.
    return this.#goOnWithout()
  }

  #land(entry: CacheValue<unknown>): void {
    if (!this.#end()) return
    const { flight } = this.#wish
    const { flights, tiers } = this.#engine
    const { label, lowest } = tiers
    const source = lowest === undefined ? label : sourcePath(label, lowest.label)
    const loadMs = entry.meta?.loadMs ?? 0
    flight.done(this)
    flight.land({ data: entry.data, entry, loadMs, stored: true, movedAt: undefined, source })
    flights.release(flight)
    flights.ended(flight)
  }

  /** Makes the value without a lease, for those who wait for it. */
  #goOnWithout(): void {
    if (this.#unwanted) this.#quit()
    else this.#proceed(undefined, undefined)
  }

  /** Whether nobody waits for the value: what cannot be stored then need not be made. */
  get #unwanted(): boolean {
    const { flight, kind } = this.#wish
    return kind === 'refresh' && !flight.awaited
  }

  #quit(): void {
    if (!this.#end()) return
    const { flight } = this.#wish
    const { flights } = this.#engine
    flight.abandon(GIVEN_UP)
    flights.release(flight)
    flights.ended(flight)
  }

  #proceed(lease: Lease | undefined, without: unknown): void {
    const { flight, request, proceed } = this.#wish
    const { clock, versions } = this.#engine
    if (!this.#end()) return
    this.#state = 'ready'
    this.#lease = lease
    this.#without = without ?? overtaken(this.#engine.label)
    flight.tracked = lease !== undefined && this.#isTold()
    // The load begins only now.
    flight.startedAt = clock.now()
    flight.sight = versions.sight(request.scope, request.policy.tags)
    if (lease !== undefined) this.#keep(lease)
    proceed()
    flight.done(this)
  }

  /** Renews the lease while the load takes its time. */
  #keep(lease: Lease): void {
    this.#renewal = this.#engine.clock.setTimeout(() => {
      if (this.#lease !== lease) return
      this.#keep(lease)
      void Promise.resolve(settled(() => this.#leases.renew(lease))).then((renewed) => {
        const lost = renewed.ok && !renewed.value
        if (lost && this.#lease === lease) this.#engine.flights.release(this.#wish.flight)
      })
    }, lease.leaseMs / 3)
  }

  #release(lease: Lease): void {
    // Nobody waits for it: at worst the others wait until its time is over.
    void settled(() => this.#leases.release(lease))
    this.#engine.claims.wake(lease.key)
  }

  /** @returns whether it was still under way. */
  #end(): boolean {
    if (!this.waiting) return false
    this.#state = 'over'
    this.#deadline?.cancel()
    this.#look?.cancel()
    this.#engine.claims.remove(this.#wish.flight.text, this)
    return true
  }
}

/** The claim of a flight that nobody was asked for. */
export class NoClaim implements FlightClaim {
  readonly waiting = false
  readonly #reason: unknown

  constructor(reason: unknown) {
    this.#reason = reason
  }

  letGo(): void {
    // There is nothing to let go of.
  }

  spend(): ItemResult<Lease> {
    return failed(this.#reason)
  }
}

/** Why a value is not stored that was loaded without a lease since something changed its key. */
function overtaken(source: string): CacheError<'BACKEND_FAILED'> {
  const message = `"${source}" could not reserve the key of a value`
  return new CacheError('BACKEND_FAILED', message, { details: { source, operation: 'write' } })
}
