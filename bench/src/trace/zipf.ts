import type { Random } from './random.ts'

/**
 * Draws ranks from 0 up to, not including, `count`, the rank `r` in proportion to `1 / (r + 1) ** skew`.
 *
 * By binary search in the sums of the weights: exact for every skew, also 0 and 1, where formulas have their gaps.
 */
export function zipf(count: number, skew: number, random: Random): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1) ** skew
    sums[rank] = sum
  }
  return () => firstAbove(sums, random() * sum)
}

/** Index of the first element above `wanted` in a list that ascends, or the last index. */
function firstAbove(ascending: Float64Array, wanted: number): number {
  let low = 0
  let high = ascending.length - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) > wanted) high = middle
    else low = middle + 1
  }
  return low
}
