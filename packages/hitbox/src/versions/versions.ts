import {
  CacheError,
  type CacheValue,
  chain,
  type Clock,
  type Coherence,
  type MaybePromise,
  type ValueMeta,
} from '@hitbox/core'
import { CLOCK, isNamespace } from '../keyspace.ts'
import type { Register } from './register.ts'
import { type Marks, sameMarks, type Scope } from './scope.ts'
import { isFirst } from './version-store.ts'

/** What was known when a load began. What it gives is stored under these versions and no newer ones. */
export interface Sight {
  /** Which turn it was, see {@link Register.turn}. */
  readonly turn: number
  readonly clock: string | undefined
  readonly marks: Marks | undefined
}

/** What is to become of a loaded value: stored with these marks; not, since an invalidation overtook it; not, since nobody could tell. */
export type Sealed = Marks | 'overtaken' | 'unknown'

/** After that part of its time what is known is asked for again behind a hit, so that no hit has to wait for it. */
const RENEW_PART = 0.5
/** How often a hit looks whether what it asked for behind has come. */
const LOOK_MS = 50

/**
 * Versions of tags and namespaces. An entry carries those that were current before its load began, and is served while they
 * still are: changing one version ends any number of entries. Versions are random, so none ever comes back.
 */
export class Versions {
  /** False when the tiers do not keep what entries carry: then nothing is checked. */
  readonly enabled: boolean
  readonly register: Register
  readonly #clock: Clock
  readonly #coherence: Coherence | undefined

  constructor(
    register: Register,
    clock: Clock,
    enabled: boolean,
    coherence: Coherence | undefined,
  ) {
    this.register = register
    this.#clock = clock
    this.enabled = enabled
    this.#coherence = coherence
  }

  /**
   * Whether a hit may be handed out at once: its versions are known, believed, and its own. Allocates nothing.
   *
   * @param since - As the tiers were asked that had it: how far they themselves are up to date, they have looked.
   */
  holds(scope: Scope, { meta }: CacheValue<unknown>, since: number | undefined): boolean {
    const marks = meta?.tags
    // Small, so that it becomes a part of who calls it: nearly all hits end here.
    if (marks !== undefined && marks === scope.marks && scope.sureTurn === this.register.sureTurn) {
      return true
    }
    return this.#holds(scope, meta, since)
  }

  /** {@link Versions.holds} for who cannot wait: however long ago the versions were learned. */
  heldHolds(scope: Scope, { meta }: CacheValue<unknown>): boolean {
    const marks = meta?.tags
    if (marks !== undefined && marks === scope.marks && scope.sureTurn === this.register.sureTurn) {
      return true
    }
    return this.#heldHolds(scope, meta)
  }

  /** {@link Versions.valid} by what is known now; what is not known is accepted. */
  acceptance(scope: Scope): (entry: CacheValue<unknown>) => boolean {
    return ({ meta }) => this.#compare(scope, meta?.tags, false) !== false
  }

  /**
   * Whether an entry may be served; asks for what is not known of its versions. Never fails.
   *
   * @param since - What was acknowledged before this moment must be known. @defaultValue the tier's bound, or a second
   */
  valid(scope: Scope, { meta }: CacheValue<unknown>, since?: number): MaybePromise<boolean> {
    if (!this.enabled) return true
    const marks = meta?.tags
    const verdict = this.#compare(scope, marks, true, since)
    if (verdict !== undefined) return verdict
    const names = marks === undefined ? [] : Object.keys(marks)
    // A tier that tells changes is not believed when it does not; where it cannot, what is known counts on.
    const strict = this.#coherence !== undefined
    return chain(
      this.register.settle([...scope.keyspace.names, ...names], false, since),
      () => this.#compare(scope, marks, strict, since) === true,
    )
  }

  /**
   * Makes sure that a load can begin: afterwards the versions of its namespace and tags are known, unless the store is silent.
   * Never fails.
   *
   * @param insist - Whether to ask a store, too, that has just failed to answer.
   */
  prepare(scope: Scope, names: readonly string[], insist = false): MaybePromise<void> {
    if (!this.register.shared || !this.enabled) return undefined
    return this.register.settle([...scope.keyspace.names, CLOCK, ...names], insist)
  }

  /** What is known now, for a load that begins now. */
  sight(scope: Scope, names: readonly string[]): Sight {
    const { turn } = this.register
    if (!this.enabled) return { turn, clock: undefined, marks: undefined }
    const clock = this.register.version(CLOCK)
    const plain = this.#plain(scope)
    if (plain === undefined || names.length === 0) return { turn, clock, marks: plain }
    const marks: Record<string, string> = { ...plain }
    for (const name of names) {
      const version = this.register.version(name)
      if (version === undefined) return { turn, clock, marks: undefined }
      marks[name] = version
    }
    return { turn, clock, marks }
  }

  /** @param more - Names that the load itself has added: their versions are taken only if they held before it began. */
  seal(sight: Sight, more: readonly string[]): MaybePromise<Sealed> {
    const { marks } = sight
    if (marks === undefined) return 'unknown'
    for (const name in marks) {
      if ((this.register.known(name)?.changedAt ?? 0) > sight.turn) return 'overtaken'
    }
    if (more.length === 0) return marks
    const seen = more.filter((name) => marks[name] !== undefined || this.#seenBefore(name, sight))
    const all = this.#with(marks, seen)
    if (seen.length === more.length) return all
    if (!this.register.shared || this.register.forgottenAt > sight.turn) return 'overtaken'
    const unseen = more.filter((name) => all[name] === undefined)
    return this.#sealUnseen(sight, all, unseen)
  }

  /** Whether this process has changed one of these since. */
  changedHere(sight: Sight, names: readonly string[]): boolean {
    const { register } = this
    return names.some((name) => (register.known(name)?.ownAt ?? register.forgottenAt) > sight.turn)
  }

  /** Learns again what was known when a load began, if that is long ago: another process may have changed it. Never fails. */
  renewSight({ marks }: Sight, more: readonly string[], since?: number): MaybePromise<void> {
    if (!this.register.shared || !this.enabled) return undefined
    const late = more.length === 0 ? [] : [CLOCK, ...more]
    return this.register.settle([...Object.keys(marks ?? {}), ...late], false, since)
  }

  /** Whether a change of what a load belongs to would be known, had it been acknowledged before this moment. */
  areCurrent({ marks, turn, clock }: Sight, more: readonly string[], since: number): boolean {
    if (!this.enabled || !this.register.shared) return true
    if (marks === undefined) return false
    for (const name in marks) if (!this.register.isCurrent(name, since)) return false
    return more.every(
      (name) =>
        this.register.isCurrent(name, since) &&
        ((this.register.known(name)?.since ?? Number.POSITIVE_INFINITY) <= turn ||
          this.#isQuiet(clock, since)),
    )
  }

  /** Whether no tag at all was invalidated between a load's beginning and this moment: says of one that the load met late that it did not change. */
  #isQuiet(clock: string | undefined, since: number): boolean {
    const { register } = this
    return (
      clock !== undefined && register.version(CLOCK) === clock && register.isCurrent(CLOCK, since)
    )
  }

  /** When one of these was last changed after a load had begun, as a turn; `undefined` when none was. */
  movedSince(sight: Sight, names: readonly string[]): number | undefined {
    let moved = 0
    for (const name of names) {
      const at = this.register.known(name)?.changedAt ?? this.register.forgottenAt
      if (at > sight.turn && at > moved) moved = at
    }
    for (const name in sight.marks) {
      const at = this.register.known(name)?.changedAt ?? 0
      if (at > sight.turn && at > moved) moved = at
    }
    return moved === 0 ? undefined : moved
  }

  /** The keys in the shared tier of the versions of a namespace and of more names; none where there is no such tier. */
  keysOf({ keyspace }: Scope, names: readonly string[]): string[] {
    if (!this.enabled || !this.register.shared) return []
    return [...new Set([...keyspace.names, ...names])].map((name) => this.register.keyOf(name))
  }

  /** Why versions are not known: what the store failed with. */
  unknown(source: string): unknown {
    const message = `"${source}" could not learn the versions of its namespace and tags`
    const details = { source, operation: 'read' } as const
    const cause = this.register.failure
    return new CacheError('BACKEND_FAILED', message, { details, cause })
  }

  #holds(scope: Scope, meta: ValueMeta | undefined, since: number | undefined): boolean {
    const marks = meta?.tags
    if (!this.enabled || this.#isSure(scope, marks)) return true
    // Who takes whatever there is lets it be renewed all the same.
    const trusted = !this.register.shared || this.#trusts(scope)
    if (!trusted && since === undefined) return false
    if (this.#isPlain(scope, marks)) return true
    if (this.#compare(scope, marks, true, since) !== true) return false
    this.#remember(scope, meta)
    return true
  }

  #heldHolds(scope: Scope, meta: ValueMeta | undefined): boolean {
    const marks = meta?.tags
    if (!this.enabled || this.#isSure(scope, marks)) return true
    if (this.register.shared) {
      this.#trusts(scope)
      if (marks !== undefined && marks !== scope.marks) void this.register.learn(Object.keys(marks))
    }
    return this.#isPlain(scope, marks) || this.#compare(scope, marks, false) === true
  }

  #isSure(scope: Scope, marks: Marks | undefined): boolean {
    return marks !== undefined && scope.sure.get(marks) === this.register.turn
  }

  /** Spares the next hit of an entry the comparison that this one has passed, for as long as nothing is told. */
  #remember(scope: Scope, meta: ValueMeta | undefined): void {
    const marks = meta?.tags
    if (marks === undefined) return
    const { register } = this
    if (register.shared && scope.trackedTurn !== register.trackTurn) return
    let more = 0
    for (const name in marks) {
      if (isNamespace(name)) continue
      more += 1
      if (register.shared && register.known(name)?.tracked !== true) return
    }
    const plain = this.#plain(scope)
    const same = more === 0 && plain !== undefined && sameMarks(marks, plain)
    // What was read from a shared tier says the same in another object.
    if (same && !Object.isFrozen(meta)) (meta as { tags: Marks }).tags = plain
    else scope.sure.set(marks, register.turn)
  }

  /** Whether these are the versions of the namespace alone, and the current ones. */
  #isPlain(scope: Scope, marks: Marks | undefined): boolean {
    const { register } = this
    if (marks === undefined || marks !== scope.marks || scope.turn !== register.spaceTurn) {
      return false
    }
    if (!register.shared || scope.trackedTurn === register.trackTurn) {
      scope.sureTurn = register.sureTurn
    }
    return true
  }

  #trusts(scope: Scope): boolean {
    const { register } = this
    // The tiers have compared their fence just now.
    if (scope.trackedTurn === register.trackTurn) return true
    const now = this.#clock.recent()
    if (scope.trustTurn !== register.trackTurn) {
      scope.trustTurn = register.trackTurn
      scope.trustedUntil = 0
    } else if (now < scope.trustedUntil) return true
    const coherence = this.#coherence
    const { names } = scope.keyspace
    let knownAt = now
    let tracked = coherence !== undefined
    for (const name of names) {
      knownAt = Math.min(knownAt, register.knownAt(name))
      tracked &&= register.known(name)?.tracked === true
    }
    if (tracked) scope.trackedTurn = register.trackTurn
    else if (now < knownAt + register.trustMs * RENEW_PART) {
      scope.trustedUntil = knownAt + register.trustMs * RENEW_PART
      return true
    } else register.renew(names)
    if (now >= knownAt + register.trustMs) return false
    if (!tracked) scope.trustedUntil = Math.min(now + LOOK_MS, knownAt + register.trustMs)
    return true
  }

  /** @returns whether the marks are the current ones; `undefined` when that is not known, or not believed. */
  #compare(
    scope: Scope,
    marks: Marks | undefined,
    strict: boolean,
    demanded?: number,
  ): boolean | undefined {
    let verdict: boolean | undefined = true
    const since =
      strict && this.register.shared
        ? (demanded ?? this.#clock.recent() - this.register.trustMs)
        : undefined
    for (const name of scope.keyspace.names) {
      const version = this.#believed(name, since)
      if (version === undefined) verdict = undefined
      else if (marks?.[name] === undefined ? !isFirst(version) : marks[name] !== version)
        return false
    }
    if (marks === undefined || marks === scope.marks) return verdict
    for (const name in marks) {
      if (isNamespace(name)) continue
      const version = this.#believed(name, since)
      if (version === undefined) verdict = undefined
      else if (marks[name] !== version) return false
    }
    return verdict
  }

  #believed(name: string, since: number | undefined): string | undefined {
    if (!this.register.shared) return this.register.version(name)
    if (since !== undefined && !this.register.isCurrent(name, since)) return undefined
    return this.register.known(name)?.version
  }

  #plain(scope: Scope): Marks | undefined {
    if (scope.marks !== undefined && scope.turn === this.register.spaceTurn) return scope.marks
    const marks: Record<string, string> = {}
    for (const name of scope.keyspace.names) {
      const version = this.register.version(name)
      if (version === undefined) return undefined
      marks[name] = version
    }
    scope.marks = Object.freeze(marks)
    scope.turn = this.register.spaceTurn
    return scope.marks
  }

  #seenBefore(name: string, sight: Sight): boolean {
    const known = this.register.known(name)
    if (!this.register.shared) {
      return (known?.since ?? this.register.forgottenAt) <= sight.turn
    }
    // What was learned long ago may be over by now, and a value stored under it for nothing.
    return known !== undefined && known.since <= sight.turn && this.#isYoung(name)
  }

  #isYoung(name: string): boolean {
    return this.register.knownAt(name) > this.#clock.recent() - this.register.trustMs
  }

  #with(marks: Marks, more: readonly string[]): Marks {
    const all: Record<string, string> = { ...marks }
    for (const name of more) all[name] ??= this.register.version(name) as string
    return all
  }

  /**
   * Tags that this process meets for the first time as a load ends: nobody knows their versions from before it. But if no tag at all was
   * invalidated since, they are what they are now. The clock is read after them, and changed before any of them.
   */
  async #sealUnseen(sight: Sight, seen: Marks, unseen: readonly string[]): Promise<Sealed> {
    await this.register.learn(unseen)
    const { turn } = this.register
    if (unseen.some((name) => this.register.version(name) === undefined)) return 'unknown'
    const all = this.#with(seen, unseen)
    if (unseen.every((name) => this.#seenBefore(name, sight))) return all
    const asked = await this.register.ask(CLOCK)
    const clock = this.register.version(CLOCK)
    if (!asked || clock === undefined || sight.clock === undefined) return 'unknown'
    const moved = this.movedSince({ ...sight, turn }, unseen) !== undefined
    return clock === sight.clock && !moved ? all : 'overtaken'
  }
}
