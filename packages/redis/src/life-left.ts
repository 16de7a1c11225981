/** What `PTTL` answers for a key without an end. */
const NO_END = -1

/**
 * What is left of a life by a server's count, in ms: rather too little than too much, since the answer is as old as the way it
 * came.
 *
 * @param pttl - What `PTTL` answered.
 * @param elapsedMs - How long ago it was asked.
 */
export function lifeLeft(pttl: number, elapsedMs: number): number {
  if (pttl === NO_END) return Number.POSITIVE_INFINITY
  return Math.max(0, pttl - elapsedMs)
}
