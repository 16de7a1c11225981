import {
  type CacheValue,
  chain,
  type Context,
  createContext,
  failed,
  type ItemResult,
  isPromise,
  type MaybePromise,
  succeeded,
} from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import type { Flight } from '../flight/flight.ts'
import { answer } from '../state/answer.ts'
import { meet } from '../state/demand.ts'
import { flightOf } from '../state/load.ts'
import { checked, hitOf, type Polled } from '../state/poll.ts'
import type { Request } from '../state/request.ts'
import { unlessLeft } from '../state/leave.ts'
import {
  conclude,
  fromLanded,
  isFor,
  isOutdated,
  joinable,
  leave,
  lookAgain,
  openFlight,
  refuse,
  whyWithout,
} from '../state/resolve.ts'
import { decide } from '../state/serve.ts'
import { unvouched } from '../state/unvouched.ts'
import { waitFor } from '../state/wait.ts'
import { type BatchWish, claimMany } from './batch-claim.ts'
import { BatchLoad, type BatchLoader, type Wanted } from './batch-load.ts'
import type { Item } from './item.ts'
import { type Old, refreshMany } from './refresh-many.ts'

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
  const all = items.map(({ request }) => request)
  if (all[0]?.policy.fresh !== undefined) {
    const met = await unlessLeft(engine, all[0].signal, meet(engine, all))
    if (met.left) return leaveAll(engine, items, [...items.keys()], [])
  }
  for (let index = 0; index < items.length; index += 1) {
    const { request } = items[index] as Item<K>
    const { reload, text, since } = request
    if (reload) engine.flights.detach(text)
    const joined = reload ? undefined : joinable(engine, text, load !== undefined, since)
    if (joined?.landed !== undefined)
      results[index] = succeeded(fromLanded(engine, request, joined))
    else if (joined !== undefined && load !== undefined)
      results[index] = board(engine, items[index] as Item<K>, joined, load)
    else asked.push(index)
  }
  const requests = asked.map((index) => (items[index] as Item<K>).request)
  // Asked for together with the values, for the load that may follow.
  const ready = load === undefined ? undefined : prepare(engine, requests)
  const answered = await unlessLeft(engine, requests[0]?.signal, pollMany(engine, requests))
  if (answered.left) return leaveAll(engine, items, asked, results)
  const polled = answered.value
  const wanted: Missing[] = []
  const old: Old<K>[] = []
  for (let place = 0; place < asked.length; place += 1) {
    const index = asked[place] as number
    const item = items[index] as Item<K>
    const step = classify(engine, item, polled[place] as Polled, old)
    if ('held' in step) wanted.push({ index, held: step.held, polled: polled[place] })
    else results[index] = step
  }
  if (load !== undefined && wanted.length + old.length > 0) {
    const prepared = await unlessLeft(engine, requests[0]?.signal, ready)
    if (prepared.left) {
      const places = wanted.map(({ index }) => index)
      return leaveAll(engine, items, places, results)
    }
    if (old.length > 0) refreshMany(engine, old, load)
    for (const [index, result] of loadMany(engine, items, wanted, load)) results[index] = result
  }
  return Promise.all(results.map(async (result) => result))
}

/** One item that is to be loaded. */
interface Missing {
  readonly index: number
  /** An old value to fall back to. */
  readonly held: CacheValue<unknown> | undefined
  /** What the tiers said, when they were asked. */
  readonly polled: Polled | undefined
}

/** Ends these items, since their caller does not wait any more. */
function leaveAll<K>(
  engine: Engine,
  items: readonly Item<K>[],
  places: readonly number[],
  results: readonly MaybePromise<ItemResult<unknown>>[],
): Promise<ItemResult<unknown>[]> {
  const all = [...results]
  for (const index of places) {
    const { request } = items[index] as Item<K>
    all[index] = settled(() => leave(engine, request))
  }
  return Promise.all(all.map(async (result) => result))
}

async function closedResult(engine: Engine, request: Request): Promise<ItemResult<unknown>> {
  return settled(() => refuse(engine, request))
}

function prepare(engine: Engine, requests: readonly Request[]): MaybePromise<void> {
  const [first] = requests
  if (first === undefined) return undefined
  const tags = new Set(requests.flatMap(({ policy }) => policy.tags))
  return engine.versions.prepare(first.scope, [...tags])
}

function classify<K>(
  engine: Engine,
  item: Item<K>,
  polled: Polled,
  old: Old<K>[],
): ItemResult<unknown> | { readonly held: CacheValue<unknown> | undefined } {
  const { request } = item
  if (request.reload) return { held: undefined }
  const decision = decide(engine, request, polled)
  const { context } = polled
  switch (decision.act) {
    case 'serve': {
      const { entry, outcome } = decision
      if (decision.refresh) old.push({ item, held: entry })
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

/** Waits for a load that another call began; has the value made anew when that one was overtaken before this call. */
async function board<K>(
  engine: Engine,
  item: Item<K>,
  flight: Flight,
  load: BatchLoader<K>,
  held?: CacheValue<unknown>,
): Promise<ItemResult<unknown>> {
  const { request } = item
  const ready = engine.readyToBoard(flight, request.since)
  if (isPromise(ready)) {
    const { left } = await unlessLeft(engine, request.signal, ready)
    if (left) return settled(() => leave(engine, request))
    // Overtaken, or at its end before that could be told: not for this caller.
    if (!flight.open || openFlight(engine, request.text, request.since) !== flight)
      return resolveAgain(engine, item, load)
  }
  if (!engine.boards(flight, request.since)) {
    engine.flights.unlist(flight)
    return loadAgain(engine, item, load)
  }
  flight.addTags(request.policy.tags)
  request.enter('flight')
  const boardedAt = engine.clock.now()
  const waited = await waitFor(engine, request, flight, held)
  if (isOutdated(request, waited) || !(await isFor(engine, request, flight, waited, boardedAt)))
    return loadAgain(engine, item, load)
  return settled(() =>
    conclude(engine, request, waited, { collapsed: true, held, polled: undefined }),
  )
}

/** Goes the whole way anew with one item. */
async function resolveAgain<K>(
  engine: Engine,
  item: Item<K>,
  load: BatchLoader<K>,
): Promise<ItemResult<unknown>> {
  const [again] = await resolveMany(engine, [item], load)
  return again as ItemResult<unknown>
}

/** Makes one value anew, in a load of its own. */
async function loadAgain<K>(
  engine: Engine,
  item: Item<K>,
  load: BatchLoader<K>,
): Promise<ItemResult<unknown>> {
  const ready = prepare(engine, [item.request])
  if (isPromise(ready)) await ready
  const [again] = loadMany(engine, [item], [{ index: 0, held: undefined, polled: undefined }], load)
  return (again as [number, Promise<ItemResult<unknown>>])[1]
}

async function wait(
  engine: Engine,
  request: Request,
  flight: Flight,
  held: CacheValue<unknown> | undefined,
): Promise<ItemResult<unknown>> {
  request.enter('flight')
  const waited = await waitFor(engine, request, flight, held)
  return settled(() =>
    conclude(engine, request, waited, { collapsed: false, held, polled: undefined }),
  )
}

/** Joins what is being loaded already, and loads the rest in one go. */
function loadMany<K>(
  engine: Engine,
  items: readonly Item<K>[],
  wanted: readonly Missing[],
  load: BatchLoader<K>,
): [index: number, result: Promise<ItemResult<unknown>>][] {
  const missing: Wanted<K>[] = []
  const wishes: BatchWish<K>[] = []
  const results = wanted.map(({ index, held, polled }): [number, Promise<ItemResult<unknown>>] => {
    const { key, request } = items[index] as Item<K>
    if (engine.closed) return [index, closedResult(engine, request)]
    const under = openFlight(engine, request.text, request.since)
    // A refresh that its offload has not begun would keep this caller waiting for who knows how long.
    const idle = under?.running === 0
    if (under !== undefined && !idle)
      return [index, board(engine, items[index] as Item<K>, under, load, held)]
    const kind = request.reload ? 'reload' : 'load'
    const flight = under ?? flightOf(engine, request, held, kind)
    if (under === undefined) {
      // Not to be overwritten by one who cannot read it.
      flight.storable = polled?.context?.missReason !== 'newer-version'
      engine.flights.add(flight)
    }
    const one = { key, flight, trace: request.trace }
    missing.push(one)
    const without = request.reload ? undefined : whyWithout(engine, polled?.context)
    wishes.push({ wanted: one, request, held, over: polled?.over ?? held, kind, without })
    return [index, wait(engine, request, flight, held)]
  })
  const [first] = wanted
  if (missing.length > 0 && first !== undefined) {
    const { policy } = (items[first.index] as Item<K>).request
    claimMany(engine, wishes, (ready) => new BatchLoad(engine, policy, ready).start(load))
  }
  return results
}

const NOTHING: Polled = Object.freeze({ entry: undefined, context: undefined })

/** What is there at once, and one question to the tiers for all other keys; one item's failure is its own. */
async function pollMany(engine: Engine, requests: readonly Request[]): Promise<Polled[]> {
  const here = requests.map((request) => atOnce(engine, request))
  const asked = requests.filter((request, index) => !request.reload && here[index] === undefined)
  const answers = (await askTiers(engine, asked)).values()
  const sounds = requests.map(async (request, index): Promise<Polled> => {
    if (request.reload) return NOTHING
    const entry = here[index]
    if (entry !== undefined) return checked(engine, request, { entry, context: undefined })
    const told = answers.next().value as MaybePromise<Polled>
    return chain(told, (polled) => lookAgain(engine, request, polled))
  })
  return Promise.all(sounds)
}

/** A fresh value in the uppermost tier, of which nobody wants to know where it came from. */
function atOnce({ tiers }: Engine, request: Request): CacheValue<unknown> | undefined {
  const { text, since, reload, trace } = request
  return reload || trace !== undefined ? undefined : hitOf(tiers, text, since)
}

/** @returns what may be served of each key, in their order. */
async function askTiers(
  engine: Engine,
  requests: readonly Request[],
): Promise<MaybePromise<Polled>[]> {
  if (requests.length === 0) return []
  for (const request of requests) request.enter('poll')
  const texts = requests.map(({ text }) => text)
  // Without one nobody could tell why something is missing.
  const contexts = requests.map(() => createContext())
  const since = requests[0]?.since
  const outcome = await settled(() =>
    engine.inTime('read', engine.tiers.getMany(texts, { contexts, since })),
  )
  let failures = 0
  const sounds = requests.map((request, index): MaybePromise<Polled> => {
    const context = contexts[index] as Context
    const result = outcome.ok ? outcome.value[index] : outcome
    if (result?.ok === true) return checked(engine, request, { entry: result.value, context })
    context.failures.push(result?.error)
    return unvouched(engine, request, { entry: undefined, context })
  })
  for (const { failures: ones } of contexts) if (ones.length > 0) failures += 1
  if (failures > 0) {
    engine.ledger.readErrors += failures
    engine.noteDown()
  }
  return sounds
}
