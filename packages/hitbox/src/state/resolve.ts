import {
  CacheError,
  type CacheValue,
  chain,
  type Context,
  isPromise,
  type MaybePromise,
  sourcePath,
} from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Flight } from '../flight/flight.ts'
import type { Loader } from '../flight/loading.ts'
import { answer } from './answer.ts'
import { meet } from './demand.ts'
import { addLoad, launch, refreshBehind } from './load.ts'
import { unlessLeft } from './leave.ts'
import { checked, poll, type Polled } from './poll.ts'
import type { Request } from './request.ts'
import { decide } from './serve.ts'
import { unvouched } from './unvouched.ts'
import { type Waited, waitFor } from './wait.ts'

/**
 * The way of one request: check, poll, then fresh, stale, expired or miss, then where needed flight, load, admit and store, and
 * answer.
 */
export async function resolve(engine: Engine, request: Request): Promise<unknown> {
  const { text, load, scope, policy, signal } = request
  if (request.reload && load !== undefined) {
    const ready = await unlessLeft(engine, signal, engine.versions.prepare(scope, policy.tags))
    return ready.left ? leave(engine, request) : bypass(engine, request, load)
  }
  if (policy.fresh !== undefined) {
    const met = await unlessLeft(engine, signal, meet(engine, [request]))
    if (met.left) return leave(engine, request)
  }
  const joined = joinable(engine, text, load !== undefined, request.since)
  if (joined?.landed !== undefined) return fromLanded(engine, request, joined)
  if (joined?.blank === true) return boardFlight(engine, request, joined, undefined, undefined)
  request.enter('poll')
  const answered = await unlessLeft(engine, signal, polledBy(engine, request))
  if (answered.left) return leave(engine, request)
  const polled = answered.value
  const decision = decide(engine, request, polled)
  const { context } = polled
  switch (decision.act) {
    case 'serve': {
      const { entry, outcome } = decision
      if (decision.refresh) refreshBehind(engine, request, entry)
      answer(engine, request, { outcome, collapsed: false, failed: false, entry, polled: context })
      return entry.data
    }
    case 'load':
      return make(engine, request, load as Loader, decision.held, polled)
    case 'fail':
      answer(engine, request, { outcome: 'miss', collapsed: false, failed: true, polled: context })
      throw decision.error
    case 'nothing':
      break
  }
  answer(engine, request, { outcome: 'miss', collapsed: false, failed: false, polled: context })
  return undefined
}

/** The end of a request whose caller does not wait any more. @throws the caller's reason. */
export function leave(engine: Engine, request: Request): never {
  return end(engine, request, request.signal?.reason)
}

/** The end of a request that would have to load when the cache is closed already. @throws `CLOSED`. */
export function refuse(engine: Engine, request: Request): never {
  return end(engine, request, engine.closedError())
}

function end(engine: Engine, request: Request, reason: unknown): never {
  answer(engine, request, { outcome: countedAs(request), collapsed: false, failed: true })
  throw reason
}

/** How a request that the tiers did not answer is counted. */
function countedAs({ reload }: Request): 'bypass' | 'miss' {
  return reload ? 'bypass' : 'miss'
}

/** A flight that answers this request better than the tiers: one that has landed, or began when they had nothing. */
export function joinable(
  engine: Engine,
  text: string,
  loads: boolean,
  since?: number,
): Flight | undefined {
  const flight = current(engine, text, since)
  if (flight === undefined) return undefined
  const { landed } = flight
  if (landed === undefined) return flight.blank && loads ? flight : undefined
  return (landed.entry?.staleAt ?? 0) > engine.clock.now() ? flight : undefined
}

/**
 * The flight of a key, unless something that its value belongs to was invalidated since it began, or may have been without a word.
 *
 * @param since - What was acknowledged before this moment must be obeyed.
 */
function current(engine: Engine, text: string, since: number | undefined): Flight | undefined {
  const { flights, versions } = engine
  const flight = flights.get(text)
  if (flight === undefined) return undefined
  if (flight.waiting || versions.movedSince(flight.sight, flight.tags) === undefined) {
    return engine.vouches(flight, since) ? flight : undefined
  }
  flights.detach(text)
  return undefined
}

/** Answers from a value that is on its way into the tiers. */
export function fromLanded(engine: Engine, request: Request, flight: Flight): unknown {
  const { landed, sight, tags } = flight
  // It may answer for long, when the tiers cannot take it; others may invalidate it meanwhile.
  void engine.versions.renewSight(sight, tags)
  answer(engine, request, { outcome: 'hit', collapsed: true, failed: false, landed })
  return landed?.data
}

async function polledBy(engine: Engine, request: Request): Promise<Polled> {
  const { text, scope, policy, since } = request
  const asked = poll(engine, text, since)
  // Asked for together with the value, for the load that may follow.
  if (request.loads) request.prepared = engine.versions.prepare(scope, policy.tags)
  const polled = await asked
  const sound = await unvouched(engine, request, await checked(engine, request, polled))
  return isPromise(asked) ? lookAgain(engine, request, sound) : sound
}

/** A value may have landed while the tiers were asked; where the uppermost can tell at once, it is asked again. */
export function lookAgain(engine: Engine, request: Request, sound: Polled): MaybePromise<Polled> {
  const entry = sound.entry === undefined && !engine.closed ? peeked(engine, request) : undefined
  if (entry === undefined) return sound
  return chain(checked(engine, request, { entry, context: undefined }), (again) =>
    again.entry === undefined ? sound : again,
  )
}

/** What the uppermost tier has by now. */
function peeked({ tiers }: Engine, { text, since }: Request): CacheValue<unknown> | undefined {
  return since === undefined ? tiers.peek?.(text) : tiers.peek?.(text, { since })
}

async function bypass(engine: Engine, request: Request, load: Loader): Promise<unknown> {
  if (engine.closed) return refuse(engine, request)
  // Who asks for a fresh value does not want one whose making began before; nor should that one replace it.
  engine.flights.detach(request.text)
  request.enter('flight')
  const flight = launch(engine, request, { load, held: undefined, kind: 'reload' })
  const waited = await waitFor(engine, request, flight, undefined)
  return conclude(engine, request, waited, { collapsed: false, held: undefined, polled: undefined })
}

async function make(
  engine: Engine,
  request: Request,
  load: Loader,
  held: CacheValue<unknown> | undefined,
  { context: polled, over }: Polled,
): Promise<unknown> {
  let under = openFlight(engine, request.text, request.since)
  if (under === undefined) {
    const ready = preparation(engine, request, polled)
    if (isPromise(ready)) {
      const { left } = await unlessLeft(engine, request.signal, ready)
      if (left) return leave(engine, request)
      const stored = held === undefined ? await landedMeanwhile(engine, request) : undefined
      if (stored !== undefined) return stored.data
      under = openFlight(engine, request.text, request.since)
    }
  }
  if (under !== undefined) return boardFlight(engine, request, under, held, polled)
  if (engine.closed) return refuse(engine, request)
  request.enter('flight')
  const newer = polled?.missReason === 'newer-version'
  const without = whyWithout(engine, polled)
  const flight = launch(engine, request, { load, held, over, kind: 'load', without })
  // Not to be overwritten by one who cannot read it.
  if (newer) flight.storable = false
  const waited = await waitFor(engine, request, flight, held)
  return conclude(engine, request, waited, { collapsed: false, held, polled })
}

/** Why the tiers need not be asked whether a value may be made: they have just failed to answer, or hold what must stay. */
export function whyWithout(
  engine: Engine,
  polled: Context | undefined,
): { readonly reason: unknown } | undefined {
  if (polled === undefined) return undefined
  if (polled.missReason === 'newer-version') return { reason: undefined }
  const failures = polled.failures.filter((error) => !isOfUpper(engine, error))
  return failures.length > 0 ? { reason: failures.at(-1) } : undefined
}

/** Whether it was a tier above the lowest that failed: leases are asked for below it. */
function isOfUpper({ parts, tiers }: Engine, error: unknown): boolean {
  if (!CacheError.is(error)) return false
  const { source } = error.details as { readonly source?: unknown }
  return parts
    .slice(0, -1)
    .some(({ label }) => source === label || source === sourcePath(tiers.label, label))
}

/** What another caller has made and stored during a wait, when the uppermost tier has it. */
async function landedMeanwhile(
  engine: Engine,
  request: Request,
): Promise<CacheValue<unknown> | undefined> {
  const found = engine.closed ? undefined : peeked(engine, request)
  if (found === undefined) return undefined
  const { entry } = await checked(engine, request, { entry: found, context: undefined })
  if (entry === undefined || entry.staleAt <= engine.clock.now()) return undefined
  answer(engine, request, { outcome: 'hit', collapsed: false, failed: false, entry })
  return entry
}

async function boardFlight(
  engine: Engine,
  request: Request,
  flight: Flight,
  held: CacheValue<unknown> | undefined,
  polled: Context | undefined,
): Promise<unknown> {
  const ready = engine.readyToBoard(flight, request.since)
  if (isPromise(ready)) {
    const { left } = await unlessLeft(engine, request.signal, ready)
    if (left) return leave(engine, request)
    // Begun long ago, and overtaken by another process since: not for this caller.
    if (!flight.open || openFlight(engine, request.text, request.since) !== flight)
      return resolve(engine, request)
  }
  if (!engine.boards(flight, request.since)) {
    engine.flights.unlist(flight)
    return resolve(engine, request)
  }
  flight.addTags(request.policy.tags)
  request.enter('flight')
  const collapsed = flight.running >= request.policy.concurrency || flight.waiting || !flight.open
  addLoad(engine, request, flight, { held, without: whyWithout(engine, polled) })
  const boardedAt = engine.clock.now()
  const waited = await waitFor(engine, request, flight, held)
  // Somebody else's load, and by its end too old for this caller.
  if (isOutdated(request, waited)) return resolve(engine, request)
  if (!(await isFor(engine, request, flight, waited, boardedAt))) return resolve(engine, request)
  return conclude(engine, request, waited, { collapsed, held, polled })
}

/** The wait before a load: begun with the question to the tiers, so that a tier that hangs costs its deadline once. */
function preparation(
  { versions }: Engine,
  { prepared, scope, policy }: Request,
  polled: Context | undefined,
): MaybePromise<void> {
  if (isPromise(prepared)) return prepared
  const answered = polled === undefined || polled.failures.length === 0
  const known = versions.sight(scope, policy.tags).marks !== undefined
  return known || !answered ? undefined : versions.prepare(scope, policy.tags, true)
}

/**
 * Whether what somebody else's flight has given is new enough for one who joined it: found where others have made it, or loaded, with
 * tags that were told only meanwhile.
 */
export async function isFor(
  engine: Engine,
  { scope, since }: Request,
  flight: Flight,
  waited: Waited,
  boardedAt: number,
): Promise<boolean> {
  const { versions, coherence } = engine
  if (coherence === undefined || waited.end !== 'landed') return true
  const { source, entry } = waited.landed
  const from = since ?? boardedAt - coherence.maxStaleMs
  if (source !== undefined) return entry === undefined || versions.valid(scope, entry, from)
  if (flight.startedAt >= from || flight.tags.length === 0) return true
  await versions.renewSight(flight.sight, flight.tags, from)
  return versions.areCurrent(flight.sight, flight.tags, from)
}

/** Whether a load has ended that something overtook before this caller came: not for him. */
export function isOutdated(request: Request, waited: Waited): boolean {
  return (
    waited.end === 'landed' && (waited.landed.movedAt ?? Number.POSITIVE_INFINITY) <= request.turn
  )
}

/** What follows from how the wait ended. */
export function conclude(
  engine: Engine,
  request: Request,
  waited: Waited,
  facts: {
    readonly collapsed: boolean
    readonly held: CacheValue<unknown> | undefined
    readonly polled: Context | undefined
  },
): unknown {
  const { collapsed, held, polled } = facts
  const outcome = countedAs(request)
  const old = (entry: CacheValue<unknown>): unknown => {
    answer(engine, request, { outcome: 'stale', collapsed, failed: false, entry, polled })
    return entry.data
  }
  if (waited.end === 'landed') {
    const { landed } = waited
    const replaced = held !== undefined
    // Another process's load was joined where nobody in this one began it.
    const joined = collapsed || landed.source !== undefined
    answer(engine, request, { outcome, collapsed: joined, failed: false, landed, polled, replaced })
    return landed.data
  }
  if (waited.end === 'late') return old(waited.held)
  const failed = waited.end === 'failed'
  if (failed && held !== undefined && held.expiresAt > engine.clock.now()) return old(held)
  answer(engine, request, { outcome, collapsed, failed: true, polled })
  throw failed ? waited.error : waited.reason
}

/** The flight of a key while its value is still to come. One that has landed with a value that is old by now makes room. */
export function openFlight(
  engine: Engine,
  text: string,
  since: number | undefined,
): Flight | undefined {
  const flight = current(engine, text, since)
  if (flight === undefined || flight.open) return flight
  engine.flights.release(flight)
  return undefined
}
