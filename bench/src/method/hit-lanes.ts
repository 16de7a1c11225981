import type { Opened } from '../arena.ts'
import { askedFor } from '../inputs/asked.ts'
import { cpuMicroseconds } from './cpu-time.ts'
import type { Lane } from './interleave.ts'
import { expectedSum } from './loops.ts'
import { loopsOf } from './loops-of.ts'
import { sizedLane } from './sized-lane.ts'

export const HIT_METHODS = ['peek', 'get', 'getOrLoad'] as const
export type HitMethod = (typeof HIT_METHODS)[number]

/** Nanoseconds of CPU per call, so many calls that a round takes as long for all. */
export async function hitLane(
  { label, subject, prefix }: Pick<Opened, 'label' | 'subject' | 'prefix'>,
  method: HitMethod,
  ids: readonly number[],
  milliseconds: number,
): Promise<Lane> {
  const asked = askedFor(ids, prefix)
  // The same shape for all calls of one contender, however many columns there are.
  const loops = await loopsOf(`${label}:${method}`)
  const loop = method === 'peek' ? loops.heldLoop : loops.awaitedLoop
  const read = subject[method]
  if (read === undefined) throw new Error(`${label} has no ${method}`)
  let from = 0
  return sizedLane(label, milliseconds, async (calls) => {
    const begun = cpuMicroseconds()
    const sum = await loop(read, asked, from, calls)
    const took = cpuMicroseconds() - begun
    const expected = expectedSum(asked, from, calls)
    if (sum !== expected) throw new Error(`the sum must be ${expected}, got ${sum}`)
    from = (from + calls) % asked.keys.length
    return (took * 1_000) / calls
  })
}
