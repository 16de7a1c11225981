import { type CacheBackend, createContext, sourcePath } from '@hitbox/core'
import type { Explanation, TierExplanation } from './explanation.ts'
import { tagOf } from './keyspace.ts'
import type { Scope } from './versions/scope.ts'
import type { Engine } from './engine.ts'
import { usableUntil } from './state/serve.ts'

/** Asks each tier for itself what it has. */
export async function explain(engine: Engine, scope: Scope, text: string): Promise<Explanation> {
  const tiers = await Promise.all(
    engine.parts.map((tier) => explainTier(engine, scope, tier, text)),
  )
  const failure = engine.failureOf(text)
  const now = engine.clock.now()
  return {
    key: text,
    tiers,
    inFlight: engine.flights.has(text),
    failure: failure && {
      error: failure.error,
      inARow: failure.streak,
      retryInMs: Math.max(0, failure.retryAt - now, failure.failsUntil - now),
    },
  }
}

async function explainTier(
  engine: Engine,
  scope: Scope,
  tier: CacheBackend,
  text: string,
): Promise<TierExplanation> {
  const nothing = {
    source: tier === engine.tiers ? tier.label : sourcePath(engine.tiers.label, tier.label),
    missReason: undefined,
    error: undefined,
    ageMs: undefined,
    freshMs: undefined,
    usableMs: undefined,
    keptMs: undefined,
    loadMs: undefined,
    bytes: undefined,
    format: undefined,
    tags: undefined,
  }
  const context = createContext()
  try {
    const entry = await engine.inTime('read', tier.get(text, { context }))
    if (entry === undefined) return { ...nothing, state: 'missing', missReason: context.missReason }
    const now = engine.clock.now()
    const usableMs = Math.max(0, usableUntil(entry) - now)
    const freshMs = Math.max(0, entry.staleAt - now)
    const { madeAt, tags } = entry.meta ?? {}
    const valid = await engine.versions.valid(scope, entry)
    return {
      ...nothing,
      bytes: context.bytes,
      format: context.format,
      state: !valid ? 'invalidated' : freshMs > 0 ? 'fresh' : usableMs > 0 ? 'stale' : 'kept',
      ageMs: madeAt === undefined ? undefined : Math.max(0, now - madeAt),
      freshMs,
      usableMs,
      keptMs: Math.max(0, entry.expiresAt - now),
      loadMs: entry.meta?.loadMs,
      tags: tags && Object.keys(tags).flatMap((name) => tagOf(name) ?? []),
    }
  } catch (error) {
    return { ...nothing, state: 'failed', error }
  }
}
