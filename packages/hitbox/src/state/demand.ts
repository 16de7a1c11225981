import { CacheError, chain, type MaybePromise } from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import type { Demand } from '../fresh.ts'
import type { Policy } from '../policy.ts'
import type { Request } from './request.ts'

/**
 * Asked before anything is counted.
 *
 * @throws {@link CacheError} `UNSUPPORTED` when more is demanded than the tiers can tell: others share them, and they do not tell of changes.
 */
export function requireTold(engine: Engine, { fresh }: Policy): void {
  if (fresh === undefined || fresh.kind === 'local' || engine.coherence !== undefined) return
  const { label, lowest = engine.tiers } = engine.tiers
  // What can be looked into at once is in this process.
  if (lowest.peek !== undefined) return
  const message = `the tiers of "${label}" do not tell what others change, so "fresh" can only be 'local'`
  throw new CacheError('UNSUPPORTED', message, { details: { feature: 'fresh' } })
}

/**
 * Sees to it that requests obey what they demand to: learns what others have changed, if that is not known already and something here could
 * answer them. Where it cannot be learned, nothing here does: the shared tier is asked, or the value made. Never fails for that.
 *
 * @param requests - Of one call, so that all demand the same.
 */
export function meet(engine: Engine, requests: readonly Request[]): MaybePromise<void> {
  const [first] = requests
  const demand = first?.policy.fresh
  const { coherence } = engine
  if (demand === undefined || coherence === undefined) return undefined
  const since = momentOf(engine, demand)
  for (const request of requests) request.since = since
  if (since === undefined || since === Number.NEGATIVE_INFINITY) return undefined
  const keys = requests.flatMap((request) => concerned(engine, request))
  if (keys.every((key) => isKnown(engine, key, since))) return undefined
  // What is not learned now is not believed later: reads that demand it pass by what could be too old.
  return chain(
    settled(() => engine.inTime('read', coherence.barrier(keys))),
    () => undefined,
  )
}

/** From which moment on everything must be obeyed; `undefined` for the bound of the tiers. */
function momentOf({ clock, coherence }: Engine, demand: Demand): number | undefined {
  switch (demand.kind) {
    case 'local':
      return Number.NEGATIVE_INFINITY
    case 'maxStale':
      return clock.now() - demand.ms
    case 'barrier':
      return clock.now()
    case 'token':
      return coherence?.reached(demand.token) === true ? undefined : clock.now()
    default:
      return demand satisfies never
  }
}

function isKnown({ coherence }: Engine, key: string, since: number): boolean {
  if (coherence === undefined) return true
  return coherence.fence >= since || coherence.fenceOf(key) >= since
}

/** The keys whose changes could make what is here too old: its own, and those of the versions that it goes by. */
function concerned(engine: Engine, { text, scope, policy }: Request): string[] {
  const { tiers, flights, polls, versions } = engine
  const entry = tiers.peek?.(text)
  const names = versions.keysOf(scope, [...policy.tags, ...Object.keys(entry?.meta?.tags ?? {})])
  const here = entry !== undefined || flights.has(text) || polls.has(text)
  return here ? [text, ...names] : names
}
