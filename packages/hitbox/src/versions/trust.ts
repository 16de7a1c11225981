import type { Coherence } from '@hitbox/core'
import type { Known } from './known.ts'

/** How old what is known of the versions in a shared tier may be for a read to believe it, where the tier has no bound of its own. */
const TRUST_MS = 1_000

/** How far what is known of a version can be believed: from when it was asked for, and as long as changes of it are told. */
export class Trust {
  readonly #coherence: Coherence | undefined

  constructor(coherence: Coherence | undefined) {
    this.#coherence = coherence
  }

  /** How long what is known is believed, in ms. */
  get maxMs(): number {
    return this.#coherence?.maxStaleMs ?? TRUST_MS
  }

  /** Whether the tier itself bounds that, so that nothing is believed for longer. */
  get bounded(): boolean {
    return this.#coherence !== undefined
  }

  /** Whether changes of what is learned now will be told. */
  get tracks(): boolean {
    return this.#coherence?.copyMs === Number.POSITIVE_INFINITY
  }

  /** Moment up to which it holds. */
  upTo({ tracked, readAt }: Known): number {
    const fence = this.#coherence?.fence
    return tracked && fence !== undefined ? Math.max(readAt, fence) : readAt
  }

  /** Whether a change that was acknowledged before this moment would be known. @param key - Of the version, in the tier. */
  isCurrent(known: Known, key: string, since: number): boolean {
    const upTo = this.upTo(known)
    // What was told to have changed is not believed by anybody, however little he demands.
    if (upTo === Number.NEGATIVE_INFINITY) return false
    if (upTo >= since) return true
    return known.tracked && (this.#coherence?.fenceOf(key) ?? Number.NEGATIVE_INFINITY) >= since
  }
}
