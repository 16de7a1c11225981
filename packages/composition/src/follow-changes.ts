import type { Coherence } from '@hitbox/core'
import type { TierSet } from './tier-set.ts'

/** Drops the copies in upper tiers of what others change in the lowest. @returns what ends it. */
export function followChanges(set: TierSet, coherence: Coherence): () => void {
  const { tally, label: source } = set
  return coherence.listen({
    changed: (key) => {
      set.changedBelow(key)
      if (tally.observed) tally.report({ type: 'invalidated', source, key })
    },
    changedAll: () => {
      set.changedAllBelow()
      if (tally.observed) tally.report({ type: 'invalidated', source })
    },
  })
}
