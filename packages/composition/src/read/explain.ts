import { type CacheValue, type Context, type MissReason, sourcePath } from '@hitbox/core'
import type { TierSet } from '../tier-set.ts'

/** Makes a context ready for one more question; what failed so far stays. */
export function forgetAnswer(context: Context, reason: MissReason | undefined): void {
  context.status = 'forward'
  context.source = 'upstream'
  context.missReason = reason
  context.ttlMs = undefined
  context.bytes = undefined
  context.format = undefined
  context.refilled = false
}

/** Fills `context` with a hit that the first tier had at once. What the tier has said is right to this moment: it saves a look at the clock. */
export function explainFirst(set: TierSet, context: Context, value: CacheValue<unknown>): void {
  if (context.status === 'forward') explainHit(set, context, context, 0, value, set.clock.now())
  else context.source = sourcePath(set.label, context.source)
}

/** Fills `context` with a hit. @param inner - What the tier itself said, if it says anything; may be `context`. */
export function explainHit(
  set: TierSet,
  context: Context,
  inner: Context,
  tier: number,
  value: CacheValue<unknown>,
  now: number,
): void {
  context.source =
    inner.status === 'forward'
      ? (set.tally.paths[tier] as string)
      : sourcePath(set.label, inner.source)
  context.status = value.staleAt <= now ? 'stale' : 'hit'
  context.missReason = undefined
  context.ttlMs = value.expiresAt - now
  context.bytes = inner.bytes
  context.format = inner.format
  context.refilled = inner.refilled
}
