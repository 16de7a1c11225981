import { tierGuard, type TierGuard } from '@hitbox/composition'
import type { CacheBackend, Coherence } from '@hitbox/core'

/** A part of the protocol that can be left out, to see that a check notices. What becomes of the epoch is an option of the backend. */
export type Mechanism = 'registry' | 'lease' | 'fence' | 'epoch'

/** The guard of a composition; without the registry, one that lets copies through that a change has overtaken. */
export function guardWithout(without: readonly Mechanism[]): TierGuard {
  const guard = tierGuard()
  return without.includes('registry') ? replaced(guard, { mayFill: () => true }) : guard
}

/** A shared tier that offers less than it could. */
export function disarmed(tier: CacheBackend, without: readonly Mechanism[]): CacheBackend {
  const { coherence, leases } = tier
  if (!without.includes('lease') && !without.includes('fence')) return tier
  return replaced(tier, {
    leases: without.includes('lease') ? undefined : leases,
    coherence:
      without.includes('fence') && coherence !== undefined ? unfenced(coherence) : coherence,
  })
}

/** Believes that everything has been told, whether or not it has. */
function unfenced(coherence: Coherence): Coherence {
  return replaced(coherence, {
    fence: Number.POSITIVE_INFINITY,
    fenceOf: () => Number.POSITIVE_INFINITY,
    barrier: () => Promise.resolve(),
    reached: () => true,
  })
}

/** The same object with other members. */
function replaced<T extends object>(original: T, members: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const member: unknown = target[name as keyof T]
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
