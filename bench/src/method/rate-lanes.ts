import { inFlight } from './in-flight.ts'
import type { Lane } from './interleave.ts'
import { calibrate } from './calibrate.ts'

/** One operation; gives a number of which the sum must come out right. */
export interface Operation {
  readonly name: string
  readonly one: (operation: number) => Promise<number>
  /** What the operation of this number must give. */
  readonly expected: (operation: number) => number
}

interface Load {
  /** Operations under way at once. */
  readonly inFlight: number
  readonly milliseconds: number
}

/**
 * Operations per second of wall clock: for work that waits for a server, which runs on the same machine and takes its share of it.
 * Numbers of operations go on from round to round, so that keys that are asked for in turn go on as well.
 */
export function rateLane(operation: Operation, load: Load): Lane {
  const { name, one, expected } = operation
  let next = 0
  let count: number | undefined
  const rate = async (operations: number) => {
    const first = next
    next += operations
    const begun = performance.now()
    const sum = await inFlight(load.inFlight, operations, (at) => one(first + at))
    const took = performance.now() - begun
    let wanted = 0
    for (let at = first; at < next; at += 1) wanted += expected(at)
    if (sum !== wanted) throw new Error(`the sum must be ${wanted}, got ${sum}`)
    return (operations * 1_000) / took
  }
  return {
    name,
    round: async () => {
      count ??= await calibrate(rate, load.milliseconds, { least: load.inFlight })
      return [await rate(count)]
    },
  }
}
