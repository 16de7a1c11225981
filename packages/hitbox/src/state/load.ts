import type { CacheValue, MaybePromise } from '@hitbox/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engine.ts'
import { Attempt } from '../flight/attempt.ts'
import { Claim, GIVEN_UP, NoClaim, type Wish } from '../flight/claim.ts'
import { Flight } from '../flight/flight.ts'
import type { Loader, Loading } from '../flight/loading.ts'
import { askBelow } from './below.ts'
import { checked, poll } from './poll.ts'
import type { Request } from './request.ts'

/** How a value comes to be made. */
export interface Making {
  readonly load: Loader
  /** An old value to fall back to, and to replace. */
  readonly held: CacheValue<unknown> | undefined
  /** An entry that is to be replaced, though it is none to fall back to. */
  readonly over?: CacheValue<unknown> | undefined
  readonly kind: Wish['kind']
  /** Why the tiers cannot take the value: it is made without a question to them. */
  readonly without?: { readonly reason: unknown } | undefined
}

/** Begins the making of a key's value that nobody makes. */
export function launch(engine: Engine, request: Request, making: Making): Flight {
  const { load, held, kind } = making
  const flight = flightOf(engine, request, held, kind)
  engine.flights.add(flight)
  const proceed = (): void => {
    // What was taken away since the caller asked must not come back by way of its own load.
    const previous = kind === 'refresh' || isUnchanged(engine, request) ? held : undefined
    new Attempt(engine, request.policy, flight, request.trace).start(
      load,
      previousOf(engine, previous),
    )
  }
  const wish = { flight, request, held, over: making.over ?? held, kind, proceed }
  void claim(engine, wish, making.without)
  return flight
}

export function flightOf(
  engine: Engine,
  { text, scope, policy }: Request,
  held: CacheValue<unknown> | undefined,
  kind: Wish['kind'],
): Flight {
  const sight = engine.versions.sight(scope, policy.tags)
  const startedAt = engine.clock.now()
  return new Flight(text, {
    blank: held === undefined,
    refresh: kind === 'refresh',
    sight,
    startedAt,
  })
}

/** Goes on with a flight when it may: at once where nobody else makes values, or nobody can be asked. */
export function claim(
  engine: Engine,
  wish: Wish,
  without: { readonly reason: unknown } | undefined,
): MaybePromise<void> {
  const { leases } = engine
  if (leases === undefined) return wish.proceed()
  if (without !== undefined) {
    wish.flight.claim = new NoClaim(without.reason)
    return wish.proceed()
  }
  // Who wakes a claim has a context of his own.
  const own =
    wish.request.policy.asyncContext === 'caller'
      ? { ...wish, proceed: AsyncLocalStorage.bind(wish.proceed) }
      : wish
  return engine.outside(() => new Claim(engine, leases, own).start())
}

function isUnchanged({ stamps }: Engine, { text, stamp }: Request): boolean {
  return stamps.of(text) === stamp
}

/** Joins the flight of a key, adding a load where `concurrency` allows one more. */
export function addLoad(
  engine: Engine,
  request: Request,
  flight: Flight,
  { held, without }: Pick<Making, 'held' | 'without'>,
): void {
  if (!flight.open || flight.waiting || flight.running >= request.policy.concurrency) return
  const proceed = (): void => {
    new Attempt(engine, request.policy, flight, request.trace).start(
      request.load as Loader,
      previousOf(engine, isUnchanged(engine, request) ? held : undefined),
    )
  }
  // One that the offload has not begun has no right to its key yet.
  if (flight.claim !== undefined) proceed()
  else void claim(engine, { flight, request, held, over: held, kind: 'load', proceed }, without)
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
    // Who asks for a lease learns by that what others have made.
    if (engine.leases === undefined) {
      const [below] = await askBelow(engine, [{ request, held }])
      if (below?.is !== 'none') return
    }
    // A change may have taken the old value away since, or made it new.
    const old = isUnchanged(engine, request) ? held : await stillOld(engine, request)
    if (old === undefined || engine.closed || engine.flights.has(text)) return
    const flight = launch(engine, request, { load, held: old, kind: 'refresh' })
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
      try {
        const { stored } = await flight.outcome
        await stored
      } catch (error) {
        if (error !== GIVEN_UP) throw error
      }
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
