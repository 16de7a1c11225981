import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type CacheBackend,
  CacheError,
  type Clock,
  type Coherence,
  Deadlines,
  type ItemResult,
  failed,
  isPromise,
  type Leases,
  type MaybePromise,
  type Offload,
  type Operation,
  succeeded,
  type Timer,
  type Reporter,
} from '@hitbox/core'
import { ChangeStamps } from './change-stamps.ts'
import { Claims } from './flight/claims.ts'
import type { HitboxEvent } from './events.ts'
import { type Failure, Failures } from './failures.ts'
import type { Flight } from './flight/flight.ts'
import { Flights } from './flight/flights.ts'
import { followChanges } from './follow-changes.ts'
import { Ledger } from './ledger.ts'
import type { Keyspace } from './keyspace.ts'
import type { Policy } from './policy.ts'
import { SchemaChecks } from './schema.ts'
import type { Poll } from './state/poll.ts'
import { SignalWaits } from './state/signal-waits.ts'
import { Register } from './versions/register.ts'
import { VersionStore } from './versions/version-store.ts'
import { Versions } from './versions/versions.ts'
import { WriteOrder } from './write-order.ts'

export interface EngineOptions {
  readonly label: string
  /** All tiers as one. */
  readonly tiers: CacheBackend
  /** The tiers one by one. */
  readonly parts: readonly CacheBackend[]
  readonly policy: Policy
  readonly clock: Clock
  readonly offload: Offload
  readonly tierTimeoutMs: number
  readonly keyspace: Keyspace
}

/** How long a tier counts as down after a failure. */
const DOWN_MS = 1_000

/** What all requests of one cache share. */
export class Engine {
  readonly label: string
  readonly tiers: CacheBackend
  readonly parts: readonly CacheBackend[]
  readonly policy: Policy
  readonly clock: Clock
  readonly offload: Offload
  readonly announcer: Reporter<HitboxEvent>
  readonly ledger: Ledger = new Ledger()
  readonly flights: Flights = new Flights()
  /** Reads of tiers under way that further callers of the key join. */
  readonly polls: Map<string, Poll> = new Map()
  readonly failures: Failures = new Failures()
  readonly order: WriteOrder
  readonly signals: SignalWaits = new SignalWaits()
  readonly schemas: SchemaChecks = new SchemaChecks()
  readonly versions: Versions
  /** Of changes begun: what was seen before one may be over. */
  readonly stamps: ChangeStamps = new ChangeStamps()
  /** Names of cached functions, with their namespaces. */
  readonly functions: Set<string> = new Set()
  /** What keeps copies and loads in line with what others change; absent where nobody else can. */
  readonly coherence: Coherence | undefined
  /** Fills that are refused when their key was changed; absent likewise. */
  readonly leases: Leases | undefined
  /** Who waits for others to make a value, by key. */
  readonly claims: Claims = new Claims()
  readonly #endListening: (() => void) | undefined
  /** Runs something in the async context in which the cache was made. */
  readonly outside: <R, A extends unknown[]>(run: (...args: A) => R, ...args: A) => R =
    AsyncLocalStorage.snapshot()
  readonly #deadlines: Deadlines
  readonly #timeoutMs: number
  readonly #holds = new Set<{ readonly timer: Timer; readonly end: () => void }>()
  #downUntil = 0
  #closing: Promise<void> | undefined

  constructor(options: EngineOptions) {
    const { label, tiers, clock, tierTimeoutMs } = options
    this.label = label
    this.tiers = tiers
    this.parts = options.parts
    this.policy = options.policy
    this.clock = clock
    this.offload = options.offload
    this.announcer = options.policy.announcer
    this.order = new WriteOrder(label)
    this.#deadlines = new Deadlines(clock, tierTimeoutMs)
    this.#timeoutMs = tierTimeoutMs
    this.coherence = tiers.coherence
    this.leases = tiers.leases
    this.versions = this.#versions(options.keyspace)
    this.#endListening = this.coherence && followChanges(this, this.coherence, options.keyspace)
  }

  /**
   * Whether a flight may answer who demands to see what was acknowledged before a moment: it began later, or would have been told.
   *
   * @param since - @defaultValue the bound of the tiers before now
   */
  vouches(flight: Flight, since: number | undefined): boolean {
    const { coherence } = this
    if (coherence === undefined) return true
    const from = since ?? this.clock.now() - coherence.maxStaleMs
    if (flight.startedAt >= from) return true
    if (!flight.tracked) return false
    if (coherence.fence < from && coherence.fenceOf(flight.text) < from) return false
    // Who joins an open one asks for its versions first.
    return flight.open || this.versions.areCurrent(flight.sight, flight.tags, from)
  }

  /** The same of an open one whose versions were asked for, if there was an answer. */
  boards(flight: Flight, since: number | undefined): boolean {
    const { coherence } = this
    if (coherence === undefined || flight.waiting) return true
    const from = since ?? this.clock.now() - coherence.maxStaleMs
    return flight.startedAt >= from || this.versions.areCurrent(flight.sight, flight.tags, from)
  }

  /**
   * What must be learned before a flight may be joined: nothing where it is new enough as it is. So a store that hangs costs who joins
   * no more than who began.
   */
  readyToBoard(flight: Flight, since: number | undefined): MaybePromise<void> {
    if (this.coherence !== undefined && this.boards(flight, since)) return undefined
    return this.versions.renewSight(flight.sight, flight.tags, since)
  }

  /** Learns of no more changes. */
  endListening(): void {
    this.#endListening?.()
  }

  get closed(): boolean {
    return this.#closing !== undefined
  }

  /** @throws {@link CacheError} `CLOSED` when it is. */
  assertOpen(): void {
    if (this.#closing !== undefined) throw this.closedError()
  }

  closedError(): CacheError<'CLOSED'> {
    const source = this.label
    return new CacheError('CLOSED', `cache "${source}" is closed`, { details: { source } })
  }

  /** No more waits for tiers begin. */
  endDeadlines(): void {
    this.#deadlines.close()
  }

  /** Closes the engine once. @param run - What it takes; called the first time. */
  closeBy(run: () => Promise<void>): Promise<void> {
    this.#closing ??= run()
    return this.#closing
  }

  /** Bounds the wait for a tier. What is late goes on in the tier. */
  inTime<R>(operation: Operation, answer: MaybePromise<R>): MaybePromise<R> {
    if (!isPromise(answer)) return answer
    return this.#deadlines.race(answer, () => {
      const timeoutMs = this.#timeoutMs
      const source = this.tiers.label
      return new CacheError(
        'TIMEOUT',
        `"${source}" took longer than ${timeoutMs} ms to ${operation}`,
        { details: { source, operation, timeoutMs } },
      )
    })
  }

  /** Calls `end` once: in `delayMs`, or when the cache closes. */
  hold(delayMs: number, end: () => void): void {
    if (this.closed) {
      end()
      return
    }
    const timer = this.clock.setTimeout(() => {
      this.#holds.delete(hold)
      end()
    }, delayMs)
    const hold = { timer, end }
    this.#holds.add(hold)
  }

  endHolds(): void {
    for (const { timer, end } of this.#holds) {
      timer.cancel()
      end()
    }
    this.#holds.clear()
  }

  /** A load of this key that failed of late, unless what it belongs to was invalidated since. */
  failureOf(text: string): Failure | undefined {
    const failure = this.failures.get(text)
    if (failure === undefined) return undefined
    if (this.versions.movedSince(failure.sight, []) === undefined) return failure
    this.failures.forget(text)
    return undefined
  }

  noteDown(): void {
    this.#downUntil = this.clock.now() + DOWN_MS
  }

  down(now: number): boolean {
    return now < this.#downUntil
  }

  /** @throws {@link CacheError} `UNSUPPORTED` when the tiers do not keep what it takes. */
  requireMeta(feature: 'tags' | 'clear'): void {
    if (this.versions.enabled) return
    const message = `a tier of "${this.tiers.label}" stores bare values, so ${feature} cannot work over it`
    throw new CacheError('UNSUPPORTED', message, { details: { feature } })
  }

  #versions(keyspace: Keyspace): Versions {
    const { clock, tiers } = this
    const lowest = tiers.lowest ?? tiers
    // What can be looked into at once is in this process.
    const store =
      lowest.peek === undefined
        ? new VersionStore(lowest, keyspace.root, clock, (operation, answer) =>
            this.inTime(operation, answer),
          )
        : undefined
    const onError = (error: unknown): void => {
      if (!this.announcer.active) return
      this.announcer.report({ type: 'error', source: this.label, operation: 'read', error })
    }
    const coherence = store === undefined ? undefined : this.coherence
    const register = new Register({ clock, store, coherence, onError })
    return new Versions(register, clock, tiers.keepsMeta !== false, coherence)
  }
}

/** Runs an operation so that it neither throws nor rejects. */
export function settled<R>(operation: () => MaybePromise<R>): MaybePromise<ItemResult<R>> {
  try {
    const answer = operation()
    return isPromise(answer) ? answer.then(succeeded, failed) : succeeded(answer)
  } catch (error) {
    return failed(error)
  }
}
