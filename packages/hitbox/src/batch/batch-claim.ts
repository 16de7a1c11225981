import type { CacheValue } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Wish } from '../flight/claim.ts'
import type { Runner } from '../flight/flight.ts'
import { claim } from '../state/load.ts'
import type { Request } from '../state/request.ts'
import type { Wanted } from './batch-load.ts'

/** One key of a batch that is to be made, and why. */
export interface BatchWish<K> {
  readonly wanted: Wanted<K>
  readonly request: Request
  readonly held: CacheValue<unknown> | undefined
  readonly over: CacheValue<unknown> | undefined
  readonly kind: Wish['kind']
  readonly without: { readonly reason: unknown } | undefined
}

/** Stands in a flight for the load that is about to begin, so that nobody else begins one. */
const AWAITED: Runner = Object.freeze({
  abandon: () => {
    // There is nothing to end yet.
  },
})

/**
 * Asks for the right to make many values at once. What may be made when all have been answered is made in one load; what others are making is
 * waited for, and made in a load of its own if it comes to that.
 */
export function claimMany<K>(
  engine: Engine,
  wishes: readonly BatchWish<K>[],
  load: (ready: readonly Wanted<K>[]) => void,
): void {
  let ready = new Set<Wanted<K>>()
  let turn: NodeJS.Immediate | undefined
  const flush = (): void => {
    turn = undefined
    const granted = ready
    ready = new Set()
    // In the order in which the caller has named them.
    const all = wishes.flatMap(({ wanted }) => (granted.has(wanted) ? [wanted] : []))
    const some = all.filter(({ flight }) => flight.open)
    if (some.length > 0) load(some)
    for (const { flight } of all) flight.done(AWAITED)
  }
  let complete = false
  const asked = wishes.map(async ({ wanted, request, held, over, kind, without }) => {
    const proceed = (): void => {
      ready.add(wanted)
      wanted.flight.add(AWAITED)
      // What becomes free in one turn is made together.
      if (complete) turn ??= setImmediate(flush)
    }
    return claim(engine, { flight: wanted.flight, request, held, over, kind, proceed }, without)
  })
  if (engine.leases === undefined) {
    flush()
    complete = true
    return
  }
  void Promise.all(asked).then(() => {
    complete = true
    flush()
  })
}
