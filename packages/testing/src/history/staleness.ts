/** How old the values of bounded reads were; those that were up to date count as 0 ms. */
export interface Staleness {
  readonly reads: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Of an empty list, all is 0. */
export function stalenessOf(ms: readonly number[]): Staleness {
  const sorted = Float64Array.from(ms).toSorted()
  return {
    reads: sorted.length,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
    maxMs: sorted.at(-1) ?? 0,
  }
}

/** The smallest number that is not exceeded by that share of them; 0 when there are none. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
