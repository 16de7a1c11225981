import {
  type Clock,
  type Coherence,
  Deadlines,
  isPromise,
  type ItemResult,
  type MaybePromise,
} from '@hitbox/core'
import { CLOCK, isNamespace } from '../keyspace.ts'
import { type Known, KnownVersions } from './known.ts'
import { impatient, nextTurn, PATIENCE_MS } from './patience.ts'
import { Told } from './told.ts'
import { Trust } from './trust.ts'
import { nextVersion, type VersionStore } from './version-store.ts'

/** How long a store that did not answer is left in peace. What is known counts meanwhile. */
const REST_MS = 1_000
const MOST_KNOWN = 100_000
const NOTHING = (): void => undefined

export interface RegisterOptions {
  readonly clock: Clock
  /** Absent when all tiers are in this process: then nobody else changes versions. */
  readonly store: VersionStore | undefined
  /** Tells when others change them; absent where they must be asked for again. */
  readonly coherence: Coherence | undefined
  readonly onError: (error: unknown) => void
}

/**
 * The versions that this process knows, and what it takes to know them: what is known of a shared tier is believed for a second, then
 * asked for again, many names in one go. Order within the process is told by turns, counted up at each change and at each thing learned.
 */
export class Register {
  /** Whether others change versions too. */
  readonly shared: boolean
  /** What failed last, for who has to tell why a value was not stored. */
  failure: unknown
  /** Counts up whenever a version is changed or learned. */
  turn = 1
  /** Counts up whenever a version of a namespace is. */
  spaceTurn = 1
  /** Counts up whenever something that was tracked is not any more. */
  trackTurn = 1
  /** How long what is known is believed, in ms. */
  readonly trustMs: number
  readonly #trust: Trust
  readonly #clock: Clock
  readonly #store: VersionStore | undefined
  readonly #onError: (error: unknown) => void
  readonly #known = new KnownVersions(MOST_KNOWN)
  /** Names whose change is under way, with how many are. */
  readonly #changing = new Map<string, number>()
  readonly #reading = new Map<string, Promise<boolean>>()
  readonly #told = new Told()
  readonly #patience: Deadlines
  #next: { readonly names: Set<string>; readonly read: Promise<boolean> } | undefined
  #restUntil = 0
  /** Whether the store failed to answer last time. */
  #down = false
  #closed = false
  /** Version of whatever is not known, where this process is the only one. */
  #base = '0'

  constructor({ clock, store, coherence, onError }: RegisterOptions) {
    this.shared = store !== undefined
    this.#clock = clock
    this.#store = store
    this.#trust = new Trust(coherence)
    this.trustMs = this.#trust.maxMs
    this.#onError = onError
    this.#patience = new Deadlines(clock, PATIENCE_MS)
  }

  /** Names known; bounded. */
  get size(): number {
    return this.#known.size
  }

  /** Grows with either of {@link Register.spaceTurn} and {@link Register.trackTurn}. */
  get sureTurn(): number {
    return this.spaceTurn + this.trackTurn
  }

  /** The last change among those that are forgotten, as a turn. */
  get forgottenAt(): number {
    return this.#known.forgottenAt
  }

  known(name: string): Known | undefined {
    return this.#known.get(name)
  }

  /** Whether a change of the name by others, made before this moment and acknowledged, would be known. */
  isCurrent(name: string, since: number): boolean {
    const known = this.#known.get(name)
    return known !== undefined && this.#trust.isCurrent(known, this.keyOf(name), since)
  }

  /** The key in the shared tier of a version. */
  keyOf(name: string): string {
    return this.#store?.keyOf(name) ?? name
  }

  /** Moment up to which what is known of the name holds. */
  knownAt(name: string): number {
    const known = this.#known.get(name)
    return known === undefined ? Number.NEGATIVE_INFINITY : this.#trust.upTo(known)
  }

  /** Somebody else has changed these, or may have: what is known of them is not believed until they were asked for. */
  told(names: readonly string[]): void {
    this.turn += 1
    this.trackTurn += 1
    this.#restUntil = 0
    for (const name of names) {
      if (this.#isUnderWay(name)) this.#told.note(name, this.turn)
      const known = this.#known.get(name)
      if (known === undefined) continue
      known.readAt = Number.NEGATIVE_INFINITY
      known.tracked = false
    }
  }

  /** Nothing more is told of what was learned until now. */
  toldNothing(): void {
    this.turn += 1
    this.trackTurn += 1
    // Who tells answers too.
    this.#restUntil = 0
    for (const known of this.#known) {
      known.readAt = this.#trust.upTo(known)
      known.tracked = false
    }
    for (const name of [...this.#reading.keys(), ...this.#changing.keys()]) {
      this.#told.note(name, this.turn)
    }
  }

  /** The current version as far as known, however long ago it was learned. */
  version(name: string): string | undefined {
    return this.#known.get(name)?.version ?? (this.shared ? undefined : this.#base)
  }

  /**
   * Changes versions, here at once and then in the shared tier.
   *
   * @throws what the tier failed with; the change is then perhaps not done.
   */
  change(names: readonly string[]): MaybePromise<void> {
    const versions = names.map((name) => [name, nextVersion()] as const)
    for (const [name, version] of versions) this.#turnTo(name, version)
    if (this.#store === undefined) return undefined
    return this.#publish(this.#store, versions)
  }

  /**
   * Asks the store for what is not known or was learned too long ago, many callers' names in one question. Never fails.
   *
   * @param insist - Whether to ask a store, too, that has just failed to answer.
   * @param since - From which moment on it must be known.
   */
  learn(names: readonly string[], insist = false, since?: number): MaybePromise<void> {
    if (this.#store === undefined || this.#closed) return undefined
    const now = this.#clock.now()
    let waits: Set<Promise<boolean>> | undefined
    for (const name of names) {
      if (
        since === undefined ? this.knownAt(name) + this.trustMs > now : this.isCurrent(name, since)
      )
        continue
      if (!insist && now < this.#restUntil) continue
      waits ??= new Set()
      waits.add(this.#reading.get(name) ?? this.ask(name))
    }
    return waits === undefined ? undefined : Promise.all(waits).then(NOTHING)
  }

  /** {@link Register.learn}, without waiting long for what is known already: an old answer is better than none. */
  settle(names: readonly string[], insist: boolean, since?: number): MaybePromise<void> {
    const learned = this.learn(names, insist, since)
    // Where what is known does not count on, there is nothing to go by instead.
    if (this.#trust.bounded) return learned
    if (!isPromise(learned) || names.some((name) => this.#known.get(name) === undefined)) {
      return learned
    }
    if (this.#down) return undefined
    // Where the event loop was blocked, time is over before the answer that is there has been read: it gets its turn.
    return this.#patience.race(learned, impatient).catch(() => Promise.race([learned, nextTurn()]))
  }

  /** Asks behind a caller, for what is still believed. */
  renew(names: readonly string[]): void {
    if (this.#closed || this.#clock.now() < this.#restUntil) return
    for (const name of [...names, CLOCK]) if (!this.#reading.has(name)) void this.ask(name)
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true
    this.#patience.close()
  }

  #turnTo(name: string, version: string): void {
    if (this.#store === undefined && this.#known.size >= MOST_KNOWN) {
      // Nobody else keeps what is forgotten here, so whatever carries an unchanged version ends with it.
      this.#known.clear()
      this.#base = nextVersion()
      this.spaceTurn += 1
      this.turn += 1
      this.#known.forgottenAt = this.turn
    }
    this.turn += 1
    if (isNamespace(name)) this.spaceTurn += 1
    const { turn } = this
    this.#known.set(name, {
      version,
      since: turn,
      changedAt: turn,
      ownAt: turn,
      readAt: this.#clock.now(),
      tracked: false,
    })
  }

  /** Whether changes by others of what is learned now will be told, and were since `turn`. */
  #tracks(name: string, turn: number): boolean {
    return this.#trust.tracks && !this.#told.after(name, turn)
  }

  async #publish(
    store: VersionStore,
    versions: readonly (readonly [name: string, version: string])[],
  ): Promise<void> {
    for (const [name] of versions) {
      this.#changing.set(name, (this.#changing.get(name) ?? 0) + 1)
    }
    const sentAt = this.#clock.now()
    const { turn } = this
    const own = versions.filter(([name, version]) => this.#known.get(name)?.version === version)
    try {
      const [first, ...rest] = versions
      const clock = first?.[0] === CLOCK ? first : undefined
      if (clock !== undefined) await store.write([clock])
      await store.write(clock === undefined ? versions : rest)
      // What was asked before now may still bring the version from before.
      this.turn += 1
      for (const [name, version] of own) {
        const known = this.#known.get(name)
        if (known?.version !== version) continue
        known.since = this.turn
        if (this.#told.after(name, turn)) continue
        known.readAt = sentAt
        known.tracked = this.#tracks(name, turn)
      }
    } catch (error) {
      // Perhaps done, perhaps not: only the store can tell.
      for (const [name, version] of own) {
        if (this.#known.get(name)?.version === version) this.#known.forget(name)
        if (isNamespace(name)) this.spaceTurn += 1
      }
      throw error
    } finally {
      for (const [name] of versions) {
        const left = (this.#changing.get(name) ?? 1) - 1
        if (left > 0) this.#changing.set(name, left)
        else this.#changing.delete(name)
        this.#forgetTold(name)
      }
    }
  }

  /** Asks in the next question that is sent. @returns whether the store answered. */
  ask(name: string): Promise<boolean> {
    if (this.#next === undefined) {
      const names = new Set<string>()
      // Everything that is asked for in this tick goes in one question.
      const read: Promise<boolean> = Promise.resolve().then(() => {
        this.#next = undefined
        return this.#read(this.#store as VersionStore, [...names], read)
      })
      this.#next = { names, read }
    }
    const { names, read } = this.#next
    names.add(name)
    this.#reading.set(name, read)
    return read
  }

  async #read(
    store: VersionStore,
    names: readonly string[],
    own: Promise<boolean>,
  ): Promise<boolean> {
    try {
      const sent = this.turn
      const sentAt = this.#clock.now()
      const found = await store.read(names)
      const missing: string[] = []
      const unread: string[] = []
      let failure: unknown
      names.forEach((name, index) => {
        const result = found[index] as ItemResult<string | undefined>
        if (!result.ok) {
          unread.push(name)
          failure = result.error
        } else if (result.value === undefined) missing.push(name)
        else this.#learned(name, result.value, sent, sentAt)
      })
      if (unread.length === names.length) throw failure
      const before = this.turn
      const made = missing.length === 0 ? [] : await store.first(missing)
      missing.forEach((name, index) => this.#learned(name, made[index] as string, before, sentAt))
      if (unread.length > 0) this.#noteUnread(unread, failure)
      this.#down = false
      return unread.length === 0
    } catch (error) {
      if (!this.#closed) this.#failed(names, error)
      return false
    } finally {
      for (const name of names) {
        if (this.#reading.get(name) === own) this.#reading.delete(name)
        this.#forgetTold(name)
      }
    }
  }

  #failed(names: readonly string[], error: unknown): void {
    this.#down = true
    this.#restUntil = this.#clock.now() + REST_MS
    this.#noteUnread(names, error)
  }

  #isUnderWay(name: string): boolean {
    return this.#reading.has(name) || this.#changing.has(name)
  }

  #forgetTold(name: string): void {
    if (!this.#isUnderWay(name)) this.#told.forget(name)
  }

  /** What is known of these counts on, unless the tier itself bounds how long. */
  #noteUnread(names: readonly string[], error: unknown): void {
    const now = this.#clock.now()
    this.failure = error
    for (const name of names) {
      const known = this.#known.get(name)
      if (known !== undefined && !this.#trust.bounded) known.readAt = now
    }
    this.#onError(error)
  }

  /** Takes note of an answer, unless this process has changed the version since it asked. */
  #learned(name: string, version: string, sent: number, sentAt: number): void {
    if (this.#changing.has(name)) return
    const known = this.#known.get(name)
    if (known !== undefined && known.since > sent) return
    const readAt = this.#told.after(name, sent) ? Number.NEGATIVE_INFINITY : sentAt
    const tracked = this.#tracks(name, sent)
    if (known?.version === version) {
      known.readAt = Math.max(known.readAt, readAt)
      known.tracked = tracked
      return
    }
    this.turn += 1
    if (isNamespace(name)) this.spaceTurn += 1
    const changedAt = known === undefined ? 0 : this.turn
    this.#known.set(name, {
      version,
      since: this.turn,
      changedAt,
      ownAt: known?.ownAt ?? 0,
      readAt,
      tracked,
    })
  }
}
