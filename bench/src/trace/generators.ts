import { seededRandom, shuffle } from './random.ts'
import { type Trace, TraceBuilder } from './trace.ts'
import { zipf } from './zipf.ts'

/** How long a generated trace is, and from how many keys it draws. */
export interface TraceSize {
  readonly requests: number
  readonly keys: number
  readonly seed: number
}

/** What is popular stays so: the kindest case. A higher skew leaves less to the tail. */
export function zipfTrace(size: TraceSize, skew: number): Trace {
  const rank = zipf(size.keys, skew, seededRandom(size.seed))
  return generate(`zipf ${skew}`, size, () => rank())
}

/** Zipf, and now and then somebody reads a tenth of all keys in order, once each: a report, a crawler, a backup. */
export function scanTrace(size: TraceSize, skew: number): Trace {
  const rank = zipf(size.keys, skew, seededRandom(size.seed))
  const period = Math.max(2, Math.floor(size.requests / 10))
  const scan = Math.min(Math.floor(size.keys / 10), period >>> 1)
  return generate(`zipf ${skew} with scans`, size, (at) => {
    const into = at % period
    if (into >= scan) return rank()
    // Each scan goes on where the one before it ended; the keys are other than those of the readers.
    return size.keys + Math.floor(at / period) * scan + into
  })
}

/** The same keys again and again in the same order: whatever holds fewer of them and drops the least recently used has no hits. */
export function loopTrace(size: TraceSize): Trace {
  return generate('loop', size, (at) => at % size.keys)
}

/** Zipf over a set of keys that moves on: by the end of the trace, all of the set has been replaced four times. */
export function driftTrace(size: TraceSize, skew: number): Trace {
  const random = seededRandom(size.seed)
  const set = Math.max(1, Math.floor(size.keys / 5))
  const rank = zipf(set, skew, random)
  // Popularity has nothing to do with age in the set.
  const places = shuffle(
    Uint32Array.from({ length: set }, (_, place) => place),
    random,
  )
  const shift = (4 * set) / size.requests
  return generate(`zipf ${skew}, drifting`, size, (at) => {
    const gone = Math.floor(at * shift)
    const place = places[rank()] as number
    // The key of a place is replaced whenever the edge of what is gone has passed it.
    return place + set * Math.ceil(Math.max(0, gone - place) / set)
  })
}

/** What web servers see: objects appear, are popular for a while and fade, and a third of the requests ask for what nobody asks for again. */
export function webTrace(size: TraceSize, skew: number): Trace {
  const random = seededRandom(size.seed)
  const recency = zipf(Math.max(1, Math.floor(size.keys / 4)), skew, random)
  const lasting = zipf(Math.max(1, Math.floor(size.keys / 10)), skew, random)
  const published = size.keys / 2 / size.requests
  return generate('web-like', size, (at) => {
    const kind = random()
    if (kind < 1 / 3) return `once ${at}`
    if (kind < 2 / 3) return `lasting ${lasting()}`
    const newest = Math.floor(at * published)
    return `news ${newest - recency()}`
  })
}

function generate(name: string, size: TraceSize, keyAt: (at: number) => number | string): Trace {
  const builder = new TraceBuilder<number | string>()
  for (let at = 0; at < size.requests; at++) builder.add(keyAt(at))
  return builder.build(name)
}

/** The traces that the bench runs on when it is given none. */
export function generatedTraces(size: TraceSize): readonly Trace[] {
  return [
    zipfTrace(size, 0.7),
    zipfTrace(size, 0.9),
    zipfTrace(size, 1.1),
    scanTrace(size, 0.9),
    // Longer than the largest cache that is tried, and yet read several times over.
    loopTrace(size),
    driftTrace(size, 0.9),
    webTrace(size, 0.9),
  ]
}
