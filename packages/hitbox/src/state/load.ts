import type { CacheValue } from '@hitbox/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engine.ts'
import { Attempt } from '../flight/attempt.ts'
import { Flight } from '../flight/flight.ts'
import type { Loader, Loading } from '../flight/loading.ts'
import { askBelow } from './below.ts'
import { checked, poll } from './poll.ts'
import type { Request } from './request.ts'

/** Begins the load of a key that nobody is loading. */
export function launch(
  engine: Engine,
  request: Request,
  load: Loader,
  held: CacheValue<unknown> | undefined,
  refresh: boolean,
): Flight {
  const flight = new Flight(request.text, {
    blank: held === undefined,
    refresh,
    sight: engine.versions.sight(request.scope, request.policy.tags),
  })
  engine.flights.add(flight)
  // What was taken away since the caller asked must not come back by way of its own load.
  const previous = refresh || isUnchanged(engine, request) ? held : undefined
  new Attempt(engine, request.policy, flight, request.trace).start(
    load,
    previousOf(engine, previous),
  )
  return flight
}

function isUnchanged({ stamps }: Engine, { text, stamp }: Request): boolean {
  return stamps.of(text) === stamp
}

/** Joins the flight of a key, adding a load where `concurrency` allows one more. */
export function addLoad(
  engine: Engine,
  request: Request,
  flight: Flight,
  held: CacheValue<unknown> | undefined,
): void {
  if (!flight.open || flight.running >= request.policy.concurrency) return
  new Attempt(engine, request.policy, flight, request.trace).start(
    request.load as Loader,
    previousOf(engine, isUnchanged(engine, request) ? held : undefined),
  )
}

/** Makes a value anew behind a caller who has one: once per key, by the offload. */
export function refreshBehind(engine: Engine, request: Request, held: CacheValue<unknown>): void {
  const { text, policy } = request
  if (engine.flights.has(text)) return
  const given = request.load as Loader
  const load = policy.asyncContext === 'caller' ? AsyncLocalStorage.bind(given) : given
  later(engine, text, async (signal) => {
    if (engine.flights.has(text)) return
    await engine.versions.prepare(request.scope, policy.tags)
    const [below] = await askBelow(engine, [{ request, held }])
    if (below?.is !== 'none') return
    // A change may have taken the old value away since, or made it new.
    const old = isUnchanged(engine, request) ? held : await stillOld(engine, request)
    if (old === undefined || engine.closed || engine.flights.has(text)) return
    const flight = launch(engine, request, load, old, true)
    flight.keep()
    await outcomeOf(engine, [flight], signal)
  })
}

/** The value of a key, if it is still there and still to be made anew. */
async function stillOld(
  engine: Engine,
  request: Request,
): Promise<CacheValue<unknown> | undefined> {
  const { text } = request
  const seenAt = engine.stamps.of(text)
  const { entry } = await checked(engine, request, await poll(engine, text))
  if (engine.stamps.of(text) !== seenAt) return stillOld(engine, request)
  return entry !== undefined && entry.staleAt <= engine.clock.now() ? entry : undefined
}

/** Hands work to the offload; a refusal costs nothing but the refresh. */
export function later(
  engine: Engine,
  text: string | undefined,
  run: (signal: AbortSignal) => Promise<void>,
): boolean {
  try {
    return engine.offload.register({ kind: 'refresh', key: text, run })
  } catch (error) {
    if (engine.announcer.active) {
      engine.announcer.report({ type: 'error', source: engine.label, operation: 'offload', error })
    }
    return false
  }
}

/** Waits until flights have landed and their values are stored, or ends them with the signal. @throws what the first failed with. */
export async function outcomeOf(
  engine: Engine,
  flights: readonly Flight[],
  signal: AbortSignal,
): Promise<void> {
  // One that a change has overtaken is nobody's refresh any more, and must not keep the next one waiting.
  const overtaken = new Promise<void>((resolve) => {
    for (const flight of flights) {
      flight.onDetach = () => {
        if (flight.open) resolve()
      }
    }
  })
  const onAbort = (): void => {
    for (const flight of flights) endFlight(engine, flight, signal.reason)
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  try {
    const landed = flights.map(async (flight) => {
      const { stored } = await flight.outcome
      await stored
    })
    const all = Promise.all(landed)
    await (flights.length === 1 ? Promise.race([all, overtaken]) : all)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Ends a flight that has no value yet. */
export function endFlight(engine: Engine, flight: Flight, reason: unknown): void {
  if (!flight.abandon(reason)) return
  engine.flights.release(flight)
  engine.flights.ended(flight)
}

export function previousOf(
  engine: Engine,
  held: CacheValue<unknown> | undefined,
): Loading['previous'] {
  if (held === undefined) return undefined
  const madeAt = held.meta?.madeAt
  const ageMs = madeAt === undefined ? undefined : Math.max(0, engine.clock.now() - madeAt)
  return { value: held.data, ageMs }
}
