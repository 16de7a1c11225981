import { type DurationInput, invalidOption } from '@hitbox/core'
import { seeded } from '../contract/random.ts'

/**
 * What happens to one call:
 * - `'fail'`: it is rejected, and `inner` is not asked.
 * - `'fail-after'`: `inner` does it, and the caller is told that it failed.
 * - `'hang'`: it waits until `release()`, and goes on then.
 * - `{ delay }`: it waits so long by the clock, and goes on then.
 */
export type Disturbance = 'fail' | 'fail-after' | 'hang' | { readonly delay: DurationInput }

/** What happens to the bytes of one read: cut in the middle, one bit flipped, or those of the key read before. */
export type Corruption = 'truncate' | 'flip' | 'swap'

/** One call, as a plan sees it. */
export interface ChaosCall<Operation extends string> {
  readonly operation: Operation
  /** Counted from 0, over all operations. */
  readonly index: number
}

/** Decides what happens to each call; `undefined` for nothing. Asked once for each call, in their order. */
export type ChaosPlan<Operation extends string, Fault> = (
  call: ChaosCall<Operation>,
) => Fault | undefined

/**
 * A plan that disturbs a share of all calls, the same ones in every run.
 *
 * @example
 * ```ts
 * import { chaosBackend, seededChaos } from '@hitbox/testing'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const shaky = (inner: CacheBackend): CacheBackend =>
 *   chaosBackend(inner, seededChaos({ seed: 1, share: 0.1, faults: ['fail', { delay: '20ms' }] }))
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when `share` is not from 0 to 1 or there are no faults.
 */
export function seededChaos<const Fault>(options: {
  readonly seed: number
  /** Part of the calls that is disturbed, 0 to 1. */
  readonly share: number
  /** What happens to them; each is as likely. */
  readonly faults: readonly Fault[]
}): (call: ChaosCall<string>) => Fault | undefined {
  const { seed, share, faults } = options
  if (!(share >= 0 && share <= 1)) throw invalidOption('share', 'a number from 0 to 1', share)
  if (faults.length === 0) throw invalidOption('faults', 'a list with one fault or more', faults)
  const random = seeded(seed)
  return () => {
    // Both are drawn for each call, so that a change of the share does not change the choice.
    const disturbed = random(2 ** 30) < share * 2 ** 30
    const fault = faults[random(faults.length)]
    return disturbed ? fault : undefined
  }
}
