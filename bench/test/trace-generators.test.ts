import { describe, expect, it } from 'vitest'
import {
  driftTrace,
  generatedTraces,
  loopTrace,
  scanTrace,
  webTrace,
} from '../src/trace/generators.ts'
import { seededRandom } from '../src/trace/random.ts'
import type { Trace } from '../src/trace/trace.ts'
import { zipf } from '../src/trace/zipf.ts'

const SIZE = { requests: 20_000, keys: 2_000, seed: 1 }

function countsOf({ requests, unique }: Trace): Uint32Array {
  const counts = new Uint32Array(unique)
  for (const key of requests) counts[key]! += 1
  return counts
}

describe('generatedTraces', () => {
  it('gives the same traces for the same seed, and others for another', () => {
    expect(generatedTraces(SIZE)).toEqual(generatedTraces(SIZE))
    const [first] = generatedTraces(SIZE)
    const [other] = generatedTraces({ ...SIZE, seed: 2 })
    expect(first?.requests).not.toEqual(other?.requests)
  })

  it('numbers keys in the order of their first request, without gaps', () => {
    for (const { name, requests, unique } of generatedTraces(SIZE)) {
      expect(requests.length).toBe(SIZE.requests)
      let [next, gaps] = [0, 0]
      for (const key of requests) {
        if (key > next) gaps += 1
        next = Math.max(next, key + 1)
      }
      expect({ name, gaps, next }).toEqual({ name, gaps: 0, next: unique })
    }
  })
})

describe('zipf', () => {
  it('draws ranks in proportion to their weights', () => {
    const rank = zipf(100, 1, seededRandom(3))
    const counts = new Uint32Array(100)
    for (let draw = 0; draw < 200_000; draw++) counts[rank()]! += 1
    expect(counts[0]! / counts[1]!).toBeCloseTo(2, 0)
    expect(counts[0]! / counts[9]!).toBeGreaterThan(8)
    expect(counts.every((count) => count > 0)).toBe(true)
  })
})

describe('the shapes', () => {
  it('scan: reads long runs of keys that nobody asks for again', () => {
    const once = countsOf(scanTrace(SIZE, 0.9)).filter((count) => count === 1).length
    expect(once).toBeGreaterThan(1_900)
  })

  it('loop: asks for all keys before it asks for one again', () => {
    const { requests, unique } = loopTrace(SIZE)
    expect(unique).toBe(SIZE.keys)
    expect(requests.every((key, at) => key === at % SIZE.keys)).toBe(true)
  })

  it('drift: what is asked for at the end was unknown at the beginning', () => {
    const { requests } = driftTrace(SIZE, 0.9)
    const early = new Set(requests.slice(0, 4_000))
    const late = requests.slice(-4_000)
    expect(late.filter((key) => early.has(key)).length).toBe(0)
  })

  it('web: a third of the requests are for keys that are asked for once', () => {
    const counts = countsOf(webTrace(SIZE, 0.9))
    const once = counts.filter((count) => count === 1).length
    expect(once / SIZE.requests).toBeGreaterThan(0.3)
    expect(once / SIZE.requests).toBeLessThan(0.5)
  })
})
