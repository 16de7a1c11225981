import type { CacheValue } from '@hitbox/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engine.ts'
import { Attempt } from '../flight/attempt.ts'
import { Flight } from '../flight/flight.ts'
import type { Loader, Loading } from '../flight/loading.ts'
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
  new Attempt(engine, request.policy, flight, request.trace).start(load, previousOf(engine, held))
  return flight
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
    previousOf(engine, held),
  )
}

/** Makes a value anew behind a caller who has one: once per key, by the offload. */
export function refreshBehind(engine: Engine, request: Request, held: CacheValue<unknown>): void {
  const { text, policy } = request
  if (engine.flights.has(text)) return
  const given = request.load as Loader
  const load = policy.asyncContext === 'caller' ? AsyncLocalStorage.bind(given) : given
  later(engine, text, async (signal) => {
    await engine.versions.prepare(request.scope, policy.tags)
    if (engine.flights.has(text)) return
    const flight = launch(engine, request, load, held, true)
    flight.keep()
    await outcomeOf(engine, [flight], signal)
  })
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
  const onAbort = (): void => {
    for (const flight of flights) endFlight(engine, flight, signal.reason)
  }
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  try {
    await Promise.all(
      flights.map(async (flight) => {
        const landed = await flight.outcome
        await landed.stored
      }),
    )
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
