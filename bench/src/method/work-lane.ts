import { cpuMicroseconds } from './cpu-time.ts'
import type { Lane } from './interleave.ts'
import { sizedLane } from './sized-lane.ts'

/**
 * Microseconds of CPU for something that is done again and again, those of the thread pool included. What answers later is waited for, one
 * after the other.
 */
export function workLane(name: string, milliseconds: number, work: () => unknown): Lane {
  let last: unknown
  const lane = sizedLane(name, milliseconds, async (count) => {
    const begun = cpuMicroseconds()
    for (let done = 0; done < count; done += 1) {
      last = work()
      if (last instanceof Promise) last = await last
    }
    return (cpuMicroseconds() - begun) / count
  })
  return {
    name,
    round: async (round) => {
      const found = await lane.round(round)
      if (last === undefined) throw new Error('it gave nothing')
      return found
    },
  }
}
