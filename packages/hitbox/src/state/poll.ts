import {
  type CacheBackend,
  type CacheValue,
  chain,
  type Context,
  createContext,
  isPromise,
  type MaybePromise,
} from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Scope } from '../versions/scope.ts'
import type { Request } from './request.ts'

/** What the tiers said of one key. */
export interface Polled {
  readonly entry: CacheValue<unknown> | undefined
  /** Absent for an answer out of this process's memory that nobody asked to explain. */
  readonly context: Context | undefined
  /** An entry that is as good as none, for who replaces it. */
  readonly over?: CacheValue<unknown> | undefined
  /** Whether nobody vouches for the entry, so that it is old whatever its age. */
  readonly old?: boolean | undefined
}

/** A question to the tiers that is under way. */
export interface Poll {
  readonly startedAt: number
  readonly polled: Promise<Polled>
}

/** What the uppermost tier has at once. One that fails has nothing: whoever asks in full learns why. */
export function hitOf(
  tiers: CacheBackend,
  text: string,
  since: number | undefined,
): CacheValue<unknown> | undefined {
  try {
    return tiers.hit?.(text, since)
  } catch {
    return undefined
  }
}

/**
 * Asks the tiers for one key. Callers who ask while an answer is on its way share it. A tier that fails or is late has
 * nothing, and its failure is in the context.
 *
 * @param since - As in the options of a read.
 */
export function poll(engine: Engine, text: string, since?: number): MaybePromise<Polled> {
  const under = engine.polls.get(text)
  if (under !== undefined && isRecent(engine, under, since)) return under.polled
  const context = createContext()
  return follow(engine, text, context, () => engine.tiers.get(text, { context, since }))
}

/** Whether the answer to a question that somebody else has asked is new enough. What was told meanwhile has taken it from the list. */
function isRecent({ coherence, clock }: Engine, { startedAt }: Poll, since?: number): boolean {
  if (coherence === undefined) return true
  return startedAt >= (since ?? clock.now() - coherence.maxStaleMs)
}

/** {@link poll} with a question of the caller's. @param context - What the question fills, and nobody else. */
export function follow(
  engine: Engine,
  text: string,
  context: Context,
  ask: () => MaybePromise<CacheValue<unknown> | undefined>,
): MaybePromise<Polled> {
  const failed = (error: unknown): Polled => {
    // A tier that was given up may go on to fill the context that it was given.
    const own = { ...context, failures: [...context.failures, error] }
    return noted(engine, { entry: undefined, context: own })
  }
  let answer: MaybePromise<CacheValue<unknown> | undefined>
  try {
    answer = engine.inTime('read', ask())
  } catch (error) {
    return failed(error)
  }
  if (!isPromise(answer)) return noted(engine, { entry: answer, context })
  const startedAt = engine.clock.now()
  const polled = answer
    .then((entry) => noted(engine, { entry, context }), failed)
    .then((told) => {
      if (engine.polls.get(text) === own) engine.polls.delete(text)
      return told
    })
  const own: Poll = { startedAt, polled }
  engine.polls.set(text, own)
  return polled
}

function noted(engine: Engine, polled: Polled): Polled {
  if (polled.context === undefined || polled.context.failures.length === 0) return polled
  engine.ledger.readErrors += 1
  engine.noteDown()
  tellFailure(engine, polled.entry === undefined, polled.context)
  return polled
}

/** A failure of the tiers as a whole; those of single tiers are told by the tiers and the composition. */
function tellFailure(engine: Engine, empty: boolean, { failures }: Context): void {
  if (!empty || !engine.announcer.active) return
  const error = failures.at(-1)
  engine.announcer.report({ type: 'error', source: engine.label, operation: 'read', error })
}

/** What may be served: nothing that was invalidated, and nothing that a schema refuses. */
export function checked(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  const { entry } = polled
  if (entry === undefined) return polled
  return chain(engine.versions.valid(request.scope, entry, request.since), (valid) =>
    valid ? fitting(engine, request, polled) : below(engine, request, polled),
  )
}

/** {@link checked} of what the lowest tier itself has said: there is nothing below. */
export function sound(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  const { entry } = polled
  if (entry === undefined) return polled
  return chain(engine.versions.valid(request.scope, entry, request.since), (valid) =>
    valid ? fitting(engine, request, polled) : invalidated(engine, polled, entry),
  )
}

/**
 * An upper tier's copy is over, but another process may have made the value anew: asks once more, for what is below such copies.
 * They are replaced on the way.
 */
function below(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  const { entry } = polled
  const { scope, text, since } = request
  if (engine.tiers.lowest === undefined) return invalidated(engine, polled, entry)
  return chain(lookBelow(engine, scope, text, since), (again) =>
    again.entry === undefined ? invalidated(engine, again, entry) : fitting(engine, request, again),
  )
}

/** What there is below copies that are over; nothing that is over itself. */
export function lookBelow(
  engine: Engine,
  scope: Scope,
  text: string,
  since: number | undefined,
): MaybePromise<Polled> {
  const { tiers, versions } = engine
  const context = createContext()
  const accept = versions.acceptance(scope)
  return chain(
    follow(engine, text, context, () => tiers.get(text, { context, accept, since })),
    (polled) => {
      if (polled.entry === undefined) return polled
      return chain(versions.valid(scope, polled.entry, since), (valid) =>
        valid ? polled : { entry: undefined, context: polled.context },
      )
    },
  )
}

/** An entry that is as good as none, and why. */
function invalidated(
  engine: Engine,
  { context }: Polled,
  over: CacheValue<unknown> | undefined,
): Polled {
  engine.ledger.invalidated += 1
  const told = context ?? createContext()
  // What is below may be of a newer version, and must then be left alone.
  if (told.missReason !== 'newer-version') told.missReason = 'invalidated'
  return { entry: undefined, context: told, over }
}

function fitting(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  const { text, announcer, policy } = request
  const { schema } = policy
  const { entry, context } = polled
  if (schema === undefined || entry === undefined) return polled
  return chain(engine.schemas.check(schema, entry), (verdict) => {
    if (verdict.ok) return { entry: verdict.entry, context }
    const { error } = verdict
    engine.ledger.refused += 1
    if (announcer.active) {
      announcer.report({ type: 'refused', source: engine.label, key: text, error })
    }
    return { entry: undefined, context, over: entry }
  })
}
