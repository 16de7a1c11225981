/** A power of two is divided into so many buckets, so a bucket is at most 1/64 as wide as its values are large. */
const SUB_BUCKETS = 64
const SUB_BITS = 6
/** Microseconds below this are counted exactly. */
const EXACT = 2 * SUB_BUCKETS

/**
 * Counts latencies in buckets that widen with them. A percentile is at most 1/64 (1.6 %) away from the exact one, or a microsecond where that is
 * more, from microseconds to hours.
 */
export class LatencyHistogram {
  readonly #counts: number[] = []
  #count = 0
  #maxUs = 0

  get count(): number {
    return this.#count
  }

  get maxMs(): number {
    return this.#maxUs / 1_000
  }

  record(latencyMs: number): void {
    const us = Math.max(0, Math.round(latencyMs * 1_000))
    const bucket = bucketOf(us)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    if (us > this.#maxUs) this.#maxUs = us
  }

  /**
   * The latency that `share` of all were not above, for example 0.99.
   *
   * @returns `undefined` when nothing has been recorded.
   */
  percentileMs(share: number): number | undefined {
    let left = Math.max(1, Math.ceil(share * this.#count))
    for (const [bucket, count = 0] of this.#counts.entries()) {
      left -= count
      if (left <= 0) return Math.min(middleOf(bucket), this.#maxUs) / 1_000
    }
    return undefined
  }
}

function bucketOf(us: number): number {
  if (us < EXACT) return us
  const exponent = Math.floor(Math.log2(us)) - SUB_BITS
  return (exponent + 1) * SUB_BUCKETS + (Math.floor(us / 2 ** exponent) - SUB_BUCKETS)
}

/** Half a bucket's width is the most that it is wrong by. */
function middleOf(bucket: number): number {
  if (bucket < EXACT) return bucket
  const exponent = Math.floor(bucket / SUB_BUCKETS) - 1
  const lowest = ((bucket % SUB_BUCKETS) + SUB_BUCKETS) * 2 ** exponent
  return lowest + 2 ** exponent / 2
}
