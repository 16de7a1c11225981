import type { Engine } from '../engine.ts'
import type { Reporter } from '@hitbox/core'
import type { HitboxEvent, RequestEvent } from '../events.ts'
import type { Flight } from './flight.ts'

type LoadState = Extract<RequestEvent, { type: 'load' }>['state']

/** Counts and tells what becomes of a load. */
export function reportLoad(
  engine: Engine,
  flight: Flight,
  announcer: Reporter<HitboxEvent>,
  state: LoadState,
  startedAt: number,
  error?: unknown,
): void {
  const { ledger } = engine
  if (state === 'started') {
    ledger.loads += 1
    if (flight.refresh) ledger.refreshes += 1
  } else if (state === 'failed') ledger.loadErrors += 1
  else if (state === 'timed-out') {
    ledger.loadErrors += 1
    ledger.loadTimeouts += 1
  } else if (state === 'abandoned') ledger.loadsAbandoned += 1
  if (!announcer.active) return
  const { text: key, refresh } = flight
  const durationMs = state === 'started' ? undefined : engine.clock.now() - startedAt
  announcer.report({ type: 'load', source: engine.label, key, refresh, state, durationMs, error })
}
