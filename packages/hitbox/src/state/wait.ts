import type { CacheValue } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Flight, Landed } from '../flight/flight.ts'
import type { Request } from './request.ts'

/** How a wait for a flight ended. `late`: after `softTimeout`, and the load goes on. `left`: the caller's own signal. */
export type Waited =
  | { readonly end: 'landed'; readonly landed: Landed }
  | { readonly end: 'failed'; readonly error: unknown }
  | { readonly end: 'late'; readonly held: CacheValue<unknown> }
  | { readonly end: 'left'; readonly reason: unknown }

const landed = (value: Landed): Waited => ({ end: 'landed', landed: value })
const failed = (error: unknown): Waited => ({ end: 'failed', error })

/** Waits for a flight as long as this caller wants to. @param held - An old value for when it gets late. */
export function waitFor(
  engine: Engine,
  request: Request,
  flight: Flight,
  held: CacheValue<unknown> | undefined,
): Promise<Waited> {
  const { signal, policy } = request
  const softMs = held === undefined ? Number.POSITIVE_INFINITY : policy.softTimeoutMs
  flight.awaited = true
  if (signal === undefined) flight.keep()
  else flight.join()
  const outcome = flight.outcome.then(landed, failed)
  if (signal === undefined && softMs === Number.POSITIVE_INFINITY) return outcome
  return new Promise((resolve) => {
    const end = (waited: Waited): void => {
      timer.cancel()
      if (signal !== undefined) engine.signals.remove(signal, onAbort)
      resolve(waited)
    }
    const onAbort = (): void => {
      end({ end: 'left', reason: signal?.reason })
      if (flight.leave(signal?.reason)) {
        engine.flights.release(flight)
        engine.flights.ended(flight)
      }
    }
    const timer = engine.clock.setTimeout(() => {
      // An old value that has ended meanwhile is none.
      if (held === undefined || held.expiresAt <= engine.clock.now()) return
      flight.keep()
      end({ end: 'late', held })
    }, softMs)
    void outcome.then(end)
    if (signal === undefined) return
    if (signal.aborted) onAbort()
    else engine.signals.add(signal, onAbort)
  })
}
