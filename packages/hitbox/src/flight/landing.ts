import {
  CacheError,
  type CacheValue,
  chain,
  failed,
  isPromise,
  type ItemResult,
  type Leases,
  type MaybePromise,
  succeeded,
  type ValueMeta,
} from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import type { Policy } from '../policy.ts'
import type { State } from '../state/state.ts'
import type { Flight } from './flight.ts'
import type { Sealed } from '../versions/versions.ts'
import type { Loading } from './loading.ts'

/** What a load gave, before it is known whether it is stored. */
export interface Loaded {
  readonly flight: Flight
  readonly data: unknown
  readonly loadMs: number
  readonly trace: State[] | undefined
}

/** An entry that its versions are still to be added to. */
export interface Admitted extends CacheValue<unknown> {
  readonly meta: Omit<ValueMeta, 'tags'> & { tags: ValueMeta['tags'] }
}

/** The entry to store for a value made now, or `undefined` when it is not to be stored. */
export function admit(
  policy: Policy,
  wishes: Pick<Loading, 'ttlMs' | 'staleAfterMs' | 'stored'>,
  data: unknown,
  made: { readonly at: number; readonly loadMs?: number | undefined },
): Admitted | undefined {
  const absent = data === undefined || data === null
  const wanted = wishes.ttlMs ?? (absent ? policy.absenceTtlMs : undefined) ?? policy.ttlMs ?? 0
  if (!wishes.stored || wanted <= 0) return undefined
  const share = policy.jitter === 0 ? 1 : 1 - Math.random() * policy.jitter
  const usableUntil = made.at + wanted * share
  const staleAt = made.at + (wishes.staleAfterMs ?? policy.staleAfterMs) * share
  const kept = policy.staleIfErrorMs > 0 && usableUntil !== Number.POSITIVE_INFINITY
  return {
    data,
    staleAt: Math.min(staleAt, usableUntil),
    expiresAt: usableUntil + policy.staleIfErrorMs,
    meta: {
      madeAt: made.at,
      usableUntil: kept ? usableUntil : undefined,
      loadMs: made.loadMs,
      tags: undefined,
    },
  }
}

/**
 * Ends flights that one load has served: admits their values, sends them into the tiers and answers their callers, who do not
 * wait for the tiers. Until a tier has taken a value its flight goes on answering, so that no caller finds a gap.
 */
export function landAll(
  engine: Engine,
  policy: Policy,
  wishes: Loading,
  loads: readonly Loaded[],
): void {
  const at = engine.clock.now()
  const admitted: Storing[] = []
  for (const { flight, data, loadMs, trace } of loads) {
    trace?.push('admit')
    flight.addTags(wishes.tags)
    const entry = admit(policy, wishes, data, { at, loadMs })
    const movedAt = engine.versions.movedSince(flight.sight, flight.tags)
    const overtaken = flight.detached || movedAt !== undefined
    if (!overtaken) engine.failures.forget(flight.text)
    if (entry !== undefined && flight.storable && !overtaken) {
      trace?.push('store')
      admitted.push({ flight, entry, loadMs })
      continue
    }
    if (overtaken) engine.ledger.overtaken += 1
    // There may have been several changes: what came after the first is too late.
    const from = movedAt === undefined ? undefined : flight.sight.turn + 1
    flight.land({ data, entry: undefined, loadMs, stored: false, movedAt: from })
    engine.flights.release(flight)
    engine.flights.ended(flight)
  }
  if (admitted.length === 0) return
  const outcomes = chain(sealAll(engine, admitted), (seals) => storeSealed(engine, admitted, seals))
  admitted.forEach(({ flight, entry, loadMs }, index) => {
    const stored = chain(outcomes, (results) =>
      concluded(engine, policy, flight, entry, results[index] as ItemResult<void>),
    )
    flight.land({ data: entry.data, entry, loadMs, stored, movedAt: undefined })
  })
}

interface Storing {
  readonly flight: Flight
  readonly entry: Admitted
  readonly loadMs: number
}

/** Why a value is not stored although nothing failed. */
const OVERTAKEN: ItemResult<never> = { ok: false, error: undefined }

/** The versions under which each value is stored. */
function sealAll(
  { versions }: Engine,
  storing: readonly Storing[],
): MaybePromise<readonly Sealed[] | undefined> {
  if (!versions.enabled) return undefined
  const seals = storing.map(({ flight }) => versions.seal(flight.sight, flight.tags))
  if (!seals.some(isPromise)) return seals as readonly Sealed[]
  return Promise.all(seals.map(async (sealed) => sealed))
}

/** Stores what still may be, in one go. */
function storeSealed(
  engine: Engine,
  storing: readonly Storing[],
  seals: readonly Sealed[] | undefined,
): MaybePromise<ItemResult<void>[]> {
  if (seals === undefined) return storeAll(engine, storing)
  const results: ItemResult<void>[] = []
  const places: number[] = []
  storing.forEach(({ flight, entry }, index) => {
    const sealed = seals[index] as Sealed
    if (sealed === 'overtaken' || flight.detached) results[index] = OVERTAKEN
    else if (sealed === 'unknown') results[index] = failed(engine.versions.unknown(engine.label))
    else {
      entry.meta.tags = sealed
      places.push(index)
    }
  })
  if (places.length === 0) return results
  if (places.length === storing.length) return storeAll(engine, storing)
  const left = places.map((index) => storing[index] as Storing)
  return chain(storeAll(engine, left), (outcomes) => {
    outcomes.forEach((outcome, place) => {
      results[places[place] as number] = outcome
    })
    return results
  })
}

/** One write into the tiers, in its turn among the changes of these keys. */
function storeAll(engine: Engine, storing: readonly Storing[]): MaybePromise<ItemResult<void>[]> {
  const texts = storing.map(({ flight }) => flight.text)
  const lost = (error: unknown): ItemResult<void>[] => storing.map(() => ({ ok: false, error }))
  const outcome = settled(() =>
    engine.inTime(
      'write',
      engine.order.run(texts, () => write(engine, storing)),
    ),
  )
  return chain(outcome, (result) => {
    if (!result.ok) return lost(result.error)
    return result.value.ok ? result.value.value : lost(result.value.error)
  })
}

function write(
  { tiers, leases }: Engine,
  storing: readonly Storing[],
): MaybePromise<ItemResult<ItemResult<void>[]>> {
  if (leases !== undefined) return fillEach(leases, storing)
  const [first] = storing
  if (first !== undefined && storing.length === 1) {
    return chain(
      settled(() => tiers.set(first.flight.text, first.entry)),
      (result) => ({ ok: true, value: [result] }),
    )
  }
  return settled(() => tiers.setMany(storing.map(({ flight, entry }) => [flight.text, entry])))
}

/** Each under its lease, sent together. One whose lease has ended is refused. */
async function fillEach(
  leases: Leases,
  storing: readonly Storing[],
): Promise<ItemResult<ItemResult<void>[]>> {
  const fills = storing.map(async ({ flight, entry }): Promise<ItemResult<void>> => {
    const lease = flight.claim?.spend()
    if (lease?.ok !== true) return lease ?? OVERTAKEN
    const result = await settled(() => leases.fill(lease.value, entry))
    if (!result.ok) return result
    return result.value === undefined ? OVERTAKEN : succeeded(undefined)
  })
  return succeeded(await Promise.all(fills))
}

/** @returns whether the tiers took it. */
function concluded(
  engine: Engine,
  policy: Policy,
  flight: Flight,
  entry: CacheValue<unknown>,
  result: ItemResult<void>,
): boolean {
  const { ledger, flights } = engine
  flights.ended(flight)
  if (result.ok) {
    ledger.stores += 1
    flights.release(flight)
    // Nobody tells this process of what it does itself.
    engine.claims.wake(flight.text)
    return true
  }
  if (result === OVERTAKEN) {
    ledger.overtaken += 1
    flights.release(flight)
    return false
  }
  ledger.storeErrors += 1
  flight.claim?.letGo()
  // The tiers do not know that it is here, and tell of no change of it.
  flight.tracked = false
  const { error } = result
  const { announcer } = policy
  if (announcer.active) {
    const { text: key } = flight
    announcer.report({ type: 'error', source: engine.label, key, operation: 'write', error })
  }
  if (!isOutage(error)) {
    flights.release(flight)
    return false
  }
  engine.noteDown()
  // Tiers that cannot take values would turn every caller into a load; so this one value serves a little longer.
  const heldMs = Math.min(policy.retryAfterMs, entry.staleAt - engine.clock.now())
  if (heldMs > 0) engine.hold(heldMs, () => flights.release(flight))
  else flights.release(flight)
  return false
}

/** Whether the tiers are in trouble, rather than the value unfit for them. */
function isOutage(error: unknown): boolean {
  return !(
    CacheError.is(error) && ['TOO_LARGE', 'ENCODE_FAILED', 'INVALID_OPTION'].includes(error.code)
  )
}
