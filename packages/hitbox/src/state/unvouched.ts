import { chain, type MaybePromise } from '@hitbox/core'
import type { Engine } from '../engine.ts'
import type { Polled } from './poll.ts'
import type { Request } from './request.ts'

/**
 * What is to be said for a tier that failed, by a copy above it that nobody vouches for any more: for who would rather have an old value.
 * Who demands to see what was acknowledged does not want it.
 */
export function unvouched(engine: Engine, request: Request, polled: Polled): MaybePromise<Polled> {
  const { tiers, coherence, closed } = engine
  const { text, since, policy } = request
  const failed = polled.entry === undefined && (polled.context?.failures.length ?? 0) > 0
  if (!failed || closed || coherence === undefined || since !== undefined) return polled
  if (policy.onBackendDown !== 'stale') return polled
  const entry = tiers.peek?.(text, { since: Number.NEGATIVE_INFINITY })
  if (entry === undefined) return polled
  return chain(engine.versions.valid(request.scope, entry, Number.NEGATIVE_INFINITY), (valid) =>
    valid ? { entry, context: polled.context, old: true } : polled,
  )
}
