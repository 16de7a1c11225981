import type { CacheBackend, CacheValue, Coherence } from '@hitbox/core'
import type { TierGuard } from './tier-guard.ts'

/** Which copies in the tiers above the lowest count, and how long they may live, where others change the lowest too. */
export class CopyTrust {
  /** What keeps copies in line; `undefined` where nobody else changes anything. */
  readonly coherence: Coherence | undefined
  readonly #guard: TierGuard
  readonly #lowest: number
  /** Tiers that drop a copy in the turn in which its change is told; copies in others are bounded by their life alone. */
  readonly #exact: readonly boolean[]
  /** Until then there may be copies in those of which nobody is told: copies of what another tier had. */
  #untoldUntil = Number.NEGATIVE_INFINITY

  constructor(tiers: readonly CacheBackend[], guard: TierGuard) {
    this.coherence = tiers.at(-1)?.coherence
    this.#guard = guard
    this.#lowest = tiers.length - 1
    this.#exact = tiers.map((tier) => tier.peek !== undefined && tier.clear !== undefined)
  }

  /** Whether a copy in a tier above the lowest counts now. @param now - Exact, where there is {@link CopyTrust.coherence}. */
  vouches(
    tier: number,
    text: string,
    value: CacheValue<unknown>,
    now: number,
    since: number | undefined,
  ): boolean {
    if (!this.count(tier, text, now, since)) return false
    return this.isExact(tier) || this.endsInTime(value, now, since)
  }

  /** Whether copies in this tier are dropped when their change is told, or never change. */
  isExact(tier: number): boolean {
    return this.coherence === undefined || this.#exact[tier] === true
  }

  /** Whether a copy that nobody is told about ends soon enough, or was put there by somebody who knew nothing of it. */
  endsInTime({ expiresAt }: CacheValue<unknown>, now: number, since: number | undefined): boolean {
    if (this.coherence === undefined || since === Number.NEGATIVE_INFINITY) return true
    return expiresAt - now <= this.coherence.maxStaleMs
  }

  /** Whether copies in a tier above the lowest count now, as far as that does not depend on the copy. @param now - As of {@link CopyTrust.vouches}. */
  count(tier: number, text: string, now: number, since: number | undefined): boolean {
    if (now >= this.#guard.trustedUntil) return false
    const { coherence } = this
    if (coherence === undefined || since === Number.NEGATIVE_INFINITY) return true
    const { maxStaleMs, fence } = coherence
    if (since === undefined) return now - fence <= maxStaleMs
    // Copies that nobody is told about are as old as they may become.
    if (!this.#isTold(tier, now)) return since <= now - maxStaleMs
    return fence >= since || coherence.fenceOf(text) >= since
  }

  /**
   * Called when what was found in a tier is to be copied up.
   *
   * @param askedAt - When that tier was asked.
   * @returns from when on the copies count.
   */
  copiedFrom(
    tier: number,
    value: CacheValue<unknown>,
    askedAt: number | undefined,
  ): number | undefined {
    const { coherence } = this
    if (coherence === undefined || askedAt === undefined || tier === this.#lowest) return askedAt
    // A copy of a copy is no better than that one.
    if (this.#exact[tier] !== true) this.#untoldUntil = Math.max(this.#untoldUntil, value.expiresAt)
    return Math.min(askedAt, coherence.fence)
  }

  /** How long copies in a tier may live, since nobody may be told when they are over. */
  copyMs(tier: number): number {
    const { coherence } = this
    if (coherence === undefined || tier === this.#lowest) return Number.POSITIVE_INFINITY
    return this.#exact[tier] === true ? coherence.copyMs : coherence.maxStaleMs
  }

  #isTold(tier: number, now: number): boolean {
    return (
      this.#exact[tier] === true &&
      this.coherence?.copyMs === Number.POSITIVE_INFINITY &&
      now >= this.#untoldUntil
    )
  }
}
