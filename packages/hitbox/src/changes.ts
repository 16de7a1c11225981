import {
  type CacheValue,
  chain,
  type DeleteStatus,
  invalidOption,
  isPromise,
  type ItemResult,
  type MaybePromise,
  unwrap,
} from '@hitbox/core'
import { type Engine, settled } from './engine.ts'
import { type Admitted, admit } from './flight/landing.ts'
import { NO_STAMP, type Receipt } from './fresh.ts'
import type { Policy } from './policy.ts'
import { CLOCK, isTag } from './keyspace.ts'
import type { Scope } from './versions/scope.ts'
import type { Sight } from './versions/versions.ts'

/**
 * Changes what the tiers hold of some keys. From its beginning on no load that began before is stored and nobody joins one;
 * once it has ended, nobody joins a read that began before. Changes of a key follow each other and the stores of its loads.
 *
 * @throws what went wrong, `TIMEOUT` when the tiers were late: the change then still comes, in its turn.
 */
function change<R>(
  engine: Engine,
  texts: readonly string[],
  run: () => MaybePromise<R>,
): MaybePromise<R> {
  begin(engine, texts)
  const done = engine.order.run(texts, () =>
    chain(settled(run), (result) => {
      // Reads that began while it ran may have seen the old value.
      for (const text of texts) engine.polls.delete(text)
      return result
    }),
  )
  return chain(engine.inTime('write', done), unwrap)
}

function begin(engine: Engine, texts: readonly string[]): void {
  const { flights, failures, stamps } = engine
  for (const text of texts) {
    flights.detach(text)
    stamps.note(text)
    failures.forget(text)
  }
}

/** What the entries of a write belong to. */
export interface Belonging {
  readonly scope: Scope
  /** Names of the versions of their tags. */
  readonly tags: readonly string[]
}

/** What a plain write wishes for its entry: nothing but its policy. */
const NO_WISHES = { ttlMs: undefined, staleAfterMs: undefined, stored: true } as const

/** The entry of a value that is written now; absent when it is not to live. */
export function entryOf({ clock }: Engine, policy: Policy, value: unknown): Admitted | undefined {
  if (isPromise(value)) throw invalidOption('value', 'there already: await it', value)
  return admit(policy, NO_WISHES, value, { at: clock.now() })
}

/** @param entry - Absent for a value that is not to live: what was there goes. */
export function setOne(
  engine: Engine,
  belonging: Belonging,
  text: string,
  entry: Admitted | undefined,
): MaybePromise<void> {
  const { tiers } = engine
  const sight = engine.versions.sight(belonging.scope, belonging.tags)
  const gone = (): MaybePromise<void> => chain(tiers.delete(text), () => undefined)
  return change(engine, [text], () => {
    if (entry === undefined) return gone()
    return chain(marked(engine, belonging, sight, [entry]), (valid) =>
      valid ? tiers.set(text, entry) : gone(),
    )
  })
}

/**
 * Gives entries the versions that they belong to: those of the moment of the call, not of the moment in which its turn comes.
 *
 * @param sight - What was known at the call.
 * @returns whether they were not changed here since: a value that was invalidated meanwhile is none to keep.
 * @throws what kept the tiers from telling them.
 */
function marked(
  { versions, label }: Engine,
  { scope, tags }: Belonging,
  sight: Sight,
  entries: readonly Admitted[],
): MaybePromise<boolean> {
  if (!versions.enabled) return true
  return chain(versions.prepare(scope, tags, true), () => {
    if (versions.changedHere(sight, [...scope.keyspace.names, ...tags])) return false
    const { marks } = versions.sight(scope, tags)
    if (marks === undefined) throw versions.unknown(label)
    for (const { meta } of entries) meta.tags = marks
    return true
  })
}

export function setAll(
  engine: Engine,
  belonging: Belonging,
  entries: ReadonlyMap<string, Admitted | undefined>,
): MaybePromise<void> {
  const { tiers } = engine
  const living: [string, Admitted][] = []
  const over: string[] = []
  for (const [text, entry] of entries) {
    if (entry === undefined) over.push(text)
    else living.push([text, entry])
  }
  const sight = engine.versions.sight(belonging.scope, belonging.tags)
  return change(engine, [...entries.keys()], async () => {
    const admitted = living.map(([, entry]) => entry)
    if (!(await marked(engine, belonging, sight, admitted))) {
      over.push(...living.map(([text]) => text))
      living.length = 0
    }
    const written = living.length === 0 ? [] : tiers.setMany(living)
    const removed = over.length === 0 ? [] : tiers.deleteMany(over)
    const results: ItemResult<unknown>[] = [...(await written), ...(await removed)]
    for (const result of results) unwrap(result)
  })
}

export function deleteOne(engine: Engine, text: string): MaybePromise<boolean> {
  return chain(
    change(engine, [text], () => engine.tiers.delete(text)),
    found,
  )
}

export function deleteAll(
  engine: Engine,
  texts: ReadonlySet<string>,
): MaybePromise<ReadonlyMap<string, boolean>> {
  const all = [...texts]
  return chain(
    change(engine, all, () => engine.tiers.deleteMany(all)),
    (results) =>
      new Map(
        all.map((text, index) => [text, found(unwrap(results[index] as ItemResult<DeleteStatus>))]),
      ),
  )
}

function found(status: DeleteStatus): boolean {
  return status.count > 0
}

/** Makes what is there stale: the next read refreshes it. @returns whether something was there. */
export function expireOne(engine: Engine, scope: Scope, text: string): MaybePromise<boolean> {
  const { tiers, leases } = engine
  // In its place, so that nothing that comes between is lost.
  if (leases !== undefined) return change(engine, [text], () => leases.expire(text))
  return change(engine, [text], () =>
    chain(standing(engine, scope, text), (entry) => {
      if (entry === undefined) return false
      const now = engine.clock.now()
      if (entry.staleAt <= now) return true
      const { data, expiresAt, meta } = entry
      return chain(tiers.set(text, { data, staleAt: now, expiresAt, meta }), () => true)
    }),
  )
}

/** What is there and still belongs to what it belonged to; below a copy that does not, if need be. */
function standing(
  { tiers, versions }: Engine,
  scope: Scope,
  text: string,
): MaybePromise<CacheValue<unknown> | undefined> {
  const accept = versions.acceptance(scope)
  const judged = (
    entry: CacheValue<unknown> | undefined,
  ): MaybePromise<CacheValue<unknown> | undefined> =>
    entry && chain(versions.valid(scope, entry), (valid) => (valid ? entry : undefined))
  return chain(tiers.get(text), (entry) =>
    chain(judged(entry), (valid) => {
      if (entry === valid || tiers.lowest === undefined) return valid
      return chain(tiers.get(text, { accept }), judged)
    }),
  )
}

/**
 * Ends whatever belongs to one of these, by changing their versions: stored, being loaded, or on its way into the tiers.
 *
 * @throws what kept the lowest tier from taking the new versions; other processes then perhaps do not learn of it.
 */
export function invalidate(engine: Engine, names: readonly string[]): MaybePromise<void> {
  engine.stamps.noteAll()
  engine.flights.detachOf(names)
  const { register } = engine.versions
  // Who meets a tag for the first time learns from the clock whether any was invalidated meanwhile.
  return register.change(names.some(isTag) ? [CLOCK, ...names] : names)
}

/** What a change of these keys answers with, once it is done. */
export function receiptOf({ coherence }: Engine, texts: readonly string[]): Receipt {
  return { token: coherence?.stamp(texts) ?? NO_STAMP }
}

/** One promise of an answer that may be there or have failed already. */
export function promised<R>(run: () => MaybePromise<R>): Promise<R> {
  try {
    const answer = run()
    return isPromise(answer) ? answer : Promise.resolve(answer)
  } catch (error) {
    return Promise.reject(error)
  }
}
