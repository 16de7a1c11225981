import { MaxHeap } from './max-heap.ts'
import type { Trace } from './trace.ts'

const NEVER = 0xff_ff_ff_ff

/**
 * Counts the hits of Belady's MIN: out goes what is asked for latest, which may be what has just been asked for. No policy has more
 * hits, since it would have to know more than the future.
 */
export function optimalHits({ requests, unique }: Trace, capacity: number): number {
  const next = nextUses(requests, unique)
  const held = new Uint8Array(unique)
  const unwanted: number[] = []
  // A moment stands for the key that is asked for then. Moments that are over stay, and do no harm: all that are to come are above them.
  const moments = new MaxHeap()
  let size = 0
  let hits = 0
  for (let at = 0; at < requests.length; at++) {
    const key = requests[at] as number
    const moment = next[at] as number
    if (held[key] === 1) hits += 1
    else size += 1
    held[key] = 1
    if (moment === NEVER) unwanted.push(key)
    else moments.push(moment)
    if (size <= capacity) continue
    const gone = unwanted.pop() ?? requests[moments.pop()]
    held[gone as number] = 0
    size -= 1
  }
  return hits
}

/** For each request the index of the next one of the same key. */
function nextUses(requests: Uint32Array, unique: number): Uint32Array {
  const next = new Uint32Array(requests.length)
  const latest = new Uint32Array(unique).fill(NEVER)
  for (let at = requests.length - 1; at >= 0; at--) {
    const key = requests[at] as number
    next[at] = latest[key] as number
    latest[key] = at
  }
  return next
}
