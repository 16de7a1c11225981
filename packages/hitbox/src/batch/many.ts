import {
  type CacheValue,
  type Context,
  createContext,
  failed,
  type ItemResult,
  isPromise,
  type MaybePromise,
  succeeded,
} from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import { Flight } from '../flight/flight.ts'
import { answer } from '../state/answer.ts'
import { later, outcomeOf } from '../state/load.ts'
import { checked, type Polled } from '../state/poll.ts'
import type { Request } from '../state/request.ts'
import { conclude, fromLanded, joinable, openFlight } from '../state/resolve.ts'
import { decide } from '../state/serve.ts'
import { waitFor } from '../state/wait.ts'
import { BatchLoad, type BatchLoader, type Wanted } from './batch-load.ts'

/** One distinct key of a batch. */
export interface Item<K> {
  readonly key: K
  readonly request: Request
}

/**
 * The way of many requests at once: those under way are joined, the tiers are asked for the others in one go, and one load
 * makes what is missing. @returns one result per item, in their order.
 */
export async function resolveMany<K>(
  engine: Engine,
  items: readonly Item<K>[],
  load: BatchLoader<K> | undefined,
): Promise<ItemResult<unknown>[]> {
  const results: MaybePromise<ItemResult<unknown>>[] = []
  const asked: number[] = []
  for (let index = 0; index < items.length; index += 1) {
    const { request } = items[index] as Item<K>
    if (request.fresh) engine.flights.detach(request.text)
    const joined = request.fresh ? undefined : joinable(engine, request.text, load !== undefined)
    if (joined?.landed !== undefined)
      results[index] = succeeded(fromLanded(engine, request, joined))
    else if (joined !== undefined) results[index] = wait(engine, request, joined, undefined, true)
    else asked.push(index)
  }
  const polled = await pollMany(
    engine,
    asked.map((index) => (items[index] as Item<K>).request),
  )
  const wanted: { readonly index: number; readonly held: CacheValue<unknown> | undefined }[] = []
  const old: Item<K>[] = []
  for (let place = 0; place < asked.length; place += 1) {
    const index = asked[place] as number
    const item = items[index] as Item<K>
    const step = classify(engine, item, polled[place] as Polled, old)
    if ('held' in step) wanted.push({ index, held: step.held })
    else results[index] = step
  }
  if (load !== undefined) {
    if (old.length > 0) refreshMany(engine, old, load)
    for (const [index, result] of loadMany(engine, items, wanted, load)) results[index] = result
  }
  return Promise.all(results.map(async (result) => result))
}

function classify<K>(
  engine: Engine,
  item: Item<K>,
  polled: Polled,
  old: Item<K>[],
): ItemResult<unknown> | { readonly held: CacheValue<unknown> | undefined } {
  const { request } = item
  if (request.fresh) return { held: undefined }
  const decision = decide(engine, request, polled)
  const { context } = polled
  switch (decision.act) {
    case 'serve': {
      const { entry, outcome } = decision
      if (decision.refresh) old.push(item)
      answer(engine, request, { outcome, collapsed: false, failed: false, entry, polled: context })
      return succeeded(entry.data)
    }
    case 'load':
      return { held: decision.held }
    case 'fail':
      answer(engine, request, { outcome: 'miss', collapsed: false, failed: true, polled: context })
      return failed(decision.error)
    case 'nothing':
      break
  }
  answer(engine, request, { outcome: 'miss', collapsed: false, failed: false, polled: context })
  return succeeded(undefined)
}

async function wait(
  engine: Engine,
  request: Request,
  flight: Flight,
  held: CacheValue<unknown> | undefined,
  collapsed: boolean,
): Promise<ItemResult<unknown>> {
  request.enter('flight')
  const waited = await waitFor(engine, request, flight, held)
  return settled(() => conclude(engine, request, waited, { collapsed, held, polled: undefined }))
}

/** Joins what is being loaded already, and loads the rest in one go. */
function loadMany<K>(
  engine: Engine,
  items: readonly Item<K>[],
  wanted: readonly { readonly index: number; readonly held: CacheValue<unknown> | undefined }[],
  load: BatchLoader<K>,
): [index: number, result: Promise<ItemResult<unknown>>][] {
  const missing: Wanted<K>[] = []
  const results = wanted.map(({ index, held }): [number, Promise<ItemResult<unknown>>] => {
    const { key, request } = items[index] as Item<K>
    const under = openFlight(engine, request.text)
    if (under !== undefined) return [index, wait(engine, request, under, held, true)]
    const flight = new Flight(request.text, { blank: held === undefined, refresh: false })
    engine.flights.add(flight)
    missing.push({ key, flight, trace: request.trace })
    return [index, wait(engine, request, flight, held, false)]
  })
  const [first] = wanted
  if (missing.length > 0 && first !== undefined) {
    const { policy } = (items[first.index] as Item<K>).request
    new BatchLoad(engine, policy, missing).start(load)
  }
  return results
}

/** Makes old values anew behind the caller, in one load. */
function refreshMany<K>(engine: Engine, old: readonly Item<K>[], load: BatchLoader<K>): void {
  const due = old.filter(({ request }) => !engine.flights.has(request.text))
  const [first] = due
  if (first === undefined) return
  // Joined from now on, so that no other caller refreshes the same keys before the offload comes to it.
  const wanted = due.map(({ key, request }): Wanted<K> => {
    const flight = new Flight(request.text, { blank: false, refresh: true })
    flight.keep()
    engine.flights.add(flight)
    return { key, flight, trace: undefined }
  })
  const flights = wanted.map(({ flight }) => flight)
  const taken = later(engine, undefined, async (signal) => {
    const open = wanted.filter(({ flight }) => flight.open)
    if (open.length === 0) return
    new BatchLoad(engine, first.request.policy, open).start(load)
    await outcomeOf(engine, flights, signal)
  })
  if (taken) return
  for (const flight of flights) {
    flight.abandon(new DOMException('the offload took no more', 'AbortError'))
    engine.flights.release(flight)
    engine.flights.ended(flight)
  }
}

/** One question to the tiers for all keys; one item's failure is its own. */
async function pollMany(engine: Engine, requests: readonly Request[]): Promise<Polled[]> {
  const asked = requests.filter((request) => !request.fresh)
  if (asked.length === 0) return requests.map(() => ({ entry: undefined, context: undefined }))
  for (const request of asked) request.enter('poll')
  const texts = asked.map(({ text }) => text)
  const outcome = await settled(() => engine.inTime('read', engine.tiers.getMany(texts)))
  let failures = 0
  const answers = new Map<Request, Polled>()
  for (let index = 0; index < asked.length; index += 1) {
    const request = asked[index] as Request
    const result = outcome.ok ? outcome.value[index] : outcome
    if (result?.ok === true) {
      const polled = { entry: result.value, context: undefined }
      const sound = checked(engine, request.text, request.policy.schema, polled)
      answers.set(request, isPromise(sound) ? await sound : sound)
    } else {
      failures += 1
      answers.set(request, { entry: undefined, context: failedRead(result?.error) })
    }
  }
  if (failures > 0) {
    engine.ledger.readErrors += failures
    engine.noteDown()
  }
  return requests.map((request) => answers.get(request) ?? { entry: undefined, context: undefined })
}

function failedRead(error: unknown): Context {
  const context = createContext()
  context.failures.push(error)
  return context
}
