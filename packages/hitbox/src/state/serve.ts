import type { CacheValue } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Polled } from './poll.ts'
import type { Request } from './request.ts'

/** What is to be done with what the tiers had. */
export type Decision =
  /** Hand it out; `refresh`: and make it anew behind the caller. */
  | {
      readonly act: 'serve'
      readonly outcome: 'hit' | 'stale'
      readonly entry: CacheValue<unknown>
      readonly refresh: boolean
    }
  /** Make the value; `held` is an old one to fall back to. */
  | { readonly act: 'load'; readonly held: CacheValue<unknown> | undefined }
  /** Nothing there, and nobody to make it. */
  | { readonly act: 'nothing' }
  | { readonly act: 'fail'; readonly error: unknown }

/** From this moment on the entry is served only because a new value could not be made. */
export function usableUntil({ meta, expiresAt }: CacheValue<unknown>): number {
  return Math.min(meta?.usableUntil ?? expiresAt, expiresAt)
}

/** Fresh, stale, expired or miss, and what follows from it for this request. */
export function decide(engine: Engine, request: Request, polled: Polled): Decision {
  let { entry } = polled
  const { context } = polled
  const now = engine.clock.now()
  const { policy, text } = request
  if (polled.old === true && entry !== undefined) {
    request.enter('stale')
    return serveOld(entry, false)
  }
  if (entry !== undefined && entry.staleAt > now) {
    request.enter('fresh')
    const refresh =
      request.loads && !resting(engine, text, now) && early(entry, policy.earlyRefresh, now)
    return { act: 'serve', outcome: 'hit', entry, refresh }
  }
  const usable = entry !== undefined && usableUntil(entry) > now
  if (entry !== undefined && entry.expiresAt > now) request.enter(usable ? 'stale' : 'expired')
  else {
    request.enter('miss')
    entry = undefined
  }
  if (!request.loads) {
    return entry !== undefined && usable ? serveOld(entry, false) : { act: 'nothing' }
  }
  const failures = context?.failures ?? []
  if (entry === undefined) return withoutValue(engine, request, failures, now)
  if (policy.onBackendDown === 'stale' && (failures.length > 0 || engine.down(now))) {
    return serveOld(entry, false)
  }
  if (resting(engine, text, now)) return serveOld(entry, false)
  if (!usable || policy.stalePolicy === 'revalidate') {
    if (!usable && policy.onBackendDown === 'fail' && failures.length > 0) {
      return { act: 'fail', error: failures.at(-1) }
    }
    return { act: 'load', held: entry }
  }
  return serveOld(entry, policy.stalePolicy === 'offload')
}

function withoutValue(
  engine: Engine,
  { policy, text }: Request,
  failures: readonly unknown[],
  now: number,
): Decision {
  if (policy.onBackendDown === 'fail' && failures.length > 0) {
    return { act: 'fail', error: failures.at(-1) }
  }
  const failure = engine.failureOf(text)
  if (failure !== undefined && now < failure.failsUntil)
    return { act: 'fail', error: failure.error }
  return { act: 'load', held: undefined }
}

/** Whether a load has failed of late, and the source is left in peace. */
function resting(engine: Engine, text: string, now: number): boolean {
  return now < (engine.failureOf(text)?.retryAt ?? 0)
}

function serveOld(entry: CacheValue<unknown>, refresh: boolean): Decision {
  return { act: 'serve', outcome: 'stale', entry, refresh }
}

/** Past this many load times before the end the chance of an early refresh is nil for all purposes. */
const FAR = 40

/** XFetch: one of many readers refreshes before the end, so that the others never find it gone. */
function early({ staleAt, meta }: CacheValue<unknown>, beta: number, now: number): boolean {
  const loadMs = meta?.loadMs
  if (beta === 0 || loadMs === undefined) return false
  const reach = loadMs * beta
  if (staleAt - now > reach * FAR) return false
  return now - reach * Math.log(Math.random() || Number.MIN_VALUE) >= staleAt
}
