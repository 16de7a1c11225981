/** Of numbers in any order, by linear interpolation between neighbours. `share` from 0 to 1. */
export function quantile(numbers: readonly number[], share: number): number {
  if (numbers.length === 0) return Number.NaN
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = Math.floor(at)
  const low = sorted[below] as number
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number
  return low + (high - low) * (at - below)
}

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5)
}

/**
 * Median of the ratios, round by round. What disturbs a round disturbs both of its parts, so this is steadier than the ratio of two
 * medians. Rounds that one of the two has not finished count for nothing.
 */
export function ratioOf(numbers: readonly number[], base: readonly number[]): number | undefined {
  const rounds = Math.min(numbers.length, base.length)
  if (rounds === 0) return undefined
  return median(
    Array.from({ length: rounds }, (_, round) => {
      const [value, bare] = [numbers[round] as number, base[round] as number]
      return value === bare ? 1 : value / bare
    }),
  )
}
