import {
  chain,
  type DeleteStatus,
  deleteStatus,
  failed,
  type ItemResult,
  type MaybePromise,
  succeeded,
} from '@hitbox/core'
import type { TierSet } from './tier-set.ts'
import { together } from './together.ts'

/** Every tier at once, whatever the write policy. Counts are summed per key; some failing is a failure unless tolerated. */
export function removeEverywhere(
  set: TierSet,
  texts: readonly string[],
  { single, tolerate }: { readonly single: boolean; readonly tolerate: boolean },
): MaybePromise<ItemResult<DeleteStatus>[]> {
  const asked = set.tiers.map((_, tier) => set.remove(tier, texts, single))
  return chain(together(asked), (byTier) =>
    texts.map((_, position) => {
      const results = byTier.map((tier) => tier[position] as ItemResult<DeleteStatus>)
      const errors = results.filter((result) => !result.ok).map((result) => result.error)
      if (errors.length === results.length) return failed(set.tally.allFailed('remove', errors))
      if (errors.length > 0 && !tolerate) return failed(errors.at(-1))
      let count = 0
      for (const result of results) if (result.ok) count += result.value.count
      return succeeded(deleteStatus(count))
    }),
  )
}
