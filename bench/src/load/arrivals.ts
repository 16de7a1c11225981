import type { Random } from '../trace/random.ts'

/**
 * Moments, in ms from the start, at which independent callers come at a constant mean rate: a Poisson process, so the pauses between them are
 * exponential.
 */
export function poissonArrivals(perSecond: number, lengthMs: number, random: Random): Float64Array {
  const meanPauseMs = 1_000 / perSecond
  const moments: number[] = []
  for (let at = pause(); at < lengthMs; at += pause()) moments.push(at)
  return Float64Array.from(moments)

  function pause(): number {
    return -Math.log(1 - random()) * meanPauseMs
  }
}
