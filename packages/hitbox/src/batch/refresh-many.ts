import type { CacheValue } from '@hitbox/core'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Engine } from '../engine.ts'
import { GIVEN_UP } from '../flight/claim.ts'
import type { Flight } from '../flight/flight.ts'
import { askBelow, type Below } from '../state/below.ts'
import { endFlight, flightOf, later, outcomeOf } from '../state/load.ts'
import { type BatchWish, claimMany } from './batch-claim.ts'
import { BatchLoad, type BatchLoader, type Wanted } from './batch-load.ts'
import type { Item } from './item.ts'

/** One item that was answered and is to be refreshed. */
export interface Old<K> {
  readonly item: Item<K>
  readonly held: CacheValue<unknown>
}

/** Makes old values anew behind the caller, in one load. */
export function refreshMany<K>(engine: Engine, old: readonly Old<K>[], load: BatchLoader<K>): void {
  const due = old.filter(({ item }) => !engine.flights.has(item.request.text))
  const [first] = due
  if (first === undefined) return
  // Joined from now on, so that no other caller refreshes the same keys before the offload comes to it.
  const wanted = due.map(({ item: { key, request }, held }): Wanted<K> => {
    const flight = flightOf(engine, request, held, 'refresh')
    flight.keep()
    engine.flights.add(flight)
    return { key, flight, trace: undefined }
  })
  const flights = wanted.map(({ flight }) => flight)
  const { policy } = first.item.request
  const loadMany = policy.asyncContext === 'caller' ? AsyncLocalStorage.bind(load) : load
  const taken = later(engine, undefined, async (signal) => {
    // Who asks for leases learns by that what others have made.
    if (engine.leases === undefined) {
      const found = await askBelow(
        engine,
        due.map(({ item, held }) => ({ request: item.request, held })),
      )
      wanted.forEach(({ flight }, index) => landFromBelow(engine, flight, found[index] as Below))
    }
    if (engine.closed) return
    const wishes = due.map(({ item: { request }, held }, index): BatchWish<K> => ({
      wanted: wanted[index] as Wanted<K>,
      request,
      held,
      over: held,
      kind: 'refresh',
      without: undefined,
    }))
    const idle = wishes.filter(({ wanted: { flight } }) => flight.open && flight.running === 0)
    const open = idle.filter(({ wanted: { flight } }) => !flight.detached)
    // What was changed before it began is nobody's refresh.
    for (const one of idle) {
      if (one.wanted.flight.detached) endFlight(engine, one.wanted.flight, GIVEN_UP)
    }
    if (open.length === 0) return
    claimMany(engine, open, (ready) => new BatchLoad(engine, policy, ready).start(loadMany))
    await outcomeOf(engine, flights, signal)
  })
  if (taken) return
  for (const flight of flights) {
    flight.abandon(new DOMException('the offload took no more', 'AbortError'))
    engine.flights.release(flight)
    engine.flights.ended(flight)
  }
}

/** Ends a refresh that another process has made already, and keeps one from overwriting what it cannot read. */
function landFromBelow(engine: Engine, flight: Flight, below: Below): void {
  if (below.is === 'newer') flight.storable = false
  if (below.is !== 'made' || !flight.open || flight.detached || flight.running > 0) return
  const { entry } = below
  const loadMs = entry.meta?.loadMs ?? 0
  flight.land({ data: entry.data, entry, loadMs, stored: true, movedAt: undefined })
  engine.flights.release(flight)
  engine.flights.ended(flight)
}
