import {
  type CacheValue,
  chain,
  type Context,
  createContext,
  isPromise,
  type MaybePromise,
} from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Scope } from '../versions/versions.ts'
import type { Request } from './request.ts'

/** What the tiers said of one key. */
export interface Polled {
  readonly entry: CacheValue<unknown> | undefined
  /** Absent for an answer out of this process's memory that nobody asked to explain. */
  readonly context: Context | undefined
}

/**
 * Asks the tiers for one key. Callers who ask while an answer is on its way share it. A tier that fails or is late has
 * nothing, and its failure is in the context.
 */
export function poll(engine: Engine, text: string): MaybePromise<Polled> {
  const under = engine.polls.get(text)
  if (under !== undefined) return under
  const context = createContext()
  return follow(engine, text, context, () => engine.tiers.get(text, { context }))
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
  const shared: Promise<Polled> = answer
    .then((entry) => noted(engine, { entry, context }), failed)
    .then((polled) => {
      if (engine.polls.get(text) === shared) engine.polls.delete(text)
      return polled
    })
  engine.polls.set(text, shared)
  return shared
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
  return chain(engine.versions.valid(request.scope, entry), (valid) =>
    valid ? fitting(engine, request, polled) : below(engine, request, polled),
  )
}

/**
 * An upper tier's copy is over, but another process may have made the value anew: asks once more, for what is below such copies.
 * They are replaced on the way.
 */
function below(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  if (engine.tiers.lowest === undefined) return invalidated(engine, polled)
  return chain(lookBelow(engine, request.scope, request.text), (again) =>
    again.entry === undefined ? invalidated(engine, again) : fitting(engine, request, again),
  )
}

/** What there is below copies that are over; nothing that is over itself. */
export function lookBelow(engine: Engine, scope: Scope, text: string): MaybePromise<Polled> {
  const { tiers, versions } = engine
  const context = createContext()
  const accept = versions.acceptance(scope)
  return chain(
    follow(engine, text, context, () => tiers.get(text, { context, accept })),
    (polled) => {
      if (polled.entry === undefined) return polled
      return chain(versions.valid(scope, polled.entry), (valid) =>
        valid ? polled : { entry: undefined, context: polled.context },
      )
    },
  )
}

/** An entry that is as good as none, and why. */
function invalidated(engine: Engine, { context }: Polled): Polled {
  engine.ledger.invalidated += 1
  const told = context ?? createContext()
  // What is below may be of a newer version, and must then be left alone.
  if (told.missReason !== 'newer-version') told.missReason = 'invalidated'
  return { entry: undefined, context: told }
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
    return { entry: undefined, context }
  })
}
