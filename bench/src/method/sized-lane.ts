import { calibrate } from './calibrate.ts'
import { cpuMicroseconds } from './cpu-time.ts'
import type { Lane } from './interleave.ts'

/**
 * A lane that does in each round as many as take about `milliseconds` of CPU. How many that are it finds out in the first round, which is one
 * for warming up, so that what goes wrong there is the lane's own failure.
 */
export function sizedLane(
  name: string,
  milliseconds: number,
  measure: (count: number) => Promise<number>,
): Lane {
  let count: number | undefined
  return {
    name,
    round: async () => {
      count ??= await calibrate(measure, milliseconds, { clock: () => cpuMicroseconds() / 1_000 })
      return [await measure(count)]
    },
  }
}
