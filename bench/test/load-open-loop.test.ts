import { describe, expect, it } from 'vitest'
import { poissonArrivals } from '../src/load/arrivals.ts'
import { openLoop } from '../src/load/open-loop.ts'
import { seededRandom } from '../src/trace/random.ts'

const everyMs = (count: number) => Float64Array.from({ length: count }, (_, index) => index + 1)

describe('poissonArrivals', () => {
  it('has the wanted rate, ascends, and stays within its length', () => {
    const arrivals = poissonArrivals(2_000, 10_000, seededRandom(1))
    expect(Math.abs(arrivals.length - 20_000)).toBeLessThan(600)
    expect(arrivals).toEqual(arrivals.toSorted())
    expect(arrivals.at(-1)).toBeLessThan(10_000)
  })

  it('has pauses as uneven as those of independent callers', () => {
    const arrivals = poissonArrivals(1_000, 20_000, seededRandom(2))
    const pauses = Array.from(arrivals, (moment, index) => moment - (arrivals[index - 1] ?? 0))
    const mean = pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length
    const variance = pauses.reduce((sum, pause) => sum + (pause - mean) ** 2, 0) / pauses.length
    expect(Math.sqrt(variance) / mean).toBeCloseTo(1, 1)
  })

  it('is the same for the same seed', () => {
    const drawn = (seed: number) => poissonArrivals(500, 1_000, seededRandom(seed))
    expect(drawn(3)).toEqual(drawn(3))
    expect(drawn(3)).not.toEqual(drawn(4))
  })
})

describe('openLoop', () => {
  it('makes calls on time while none has answered', async () => {
    const made: number[] = []
    const answers: (() => void)[] = []
    const { unfinished, latencies } = await openLoop({
      arrivals: everyMs(50),
      call: (index) => {
        made.push(index)
        return new Promise<void>((resolve) => {
          answers.push(resolve)
          if (made.length === 50) for (const answer of answers) answer()
        })
      },
      drainMs: 10_000,
    })
    expect(made).toEqual(Array.from({ length: 50 }, (_, index) => index))
    expect(unfinished).toBe(0)
    // The first waited for the last, which was due 49 ms later.
    expect(latencies.maxMs).toBeGreaterThanOrEqual(49)
  })

  it('counts latency from the moment a call was due, also when the process could not make it then', async () => {
    const { latencies } = await openLoop({
      arrivals: everyMs(101),
      call: async (index) => {
        if (index !== 0) return
        const until = performance.now() + 200
        while (performance.now() < until);
      },
      drainMs: 10_000,
    })
    // Every one was due during the stall of the first and answered at once after it: from 200 ms for the first to 100 ms for the last.
    expect(latencies.percentileMs(0.01)!).toBeGreaterThan(95)
    expect(latencies.percentileMs(0.5)!).toBeGreaterThan(145)
    expect(latencies.maxMs).toBeGreaterThanOrEqual(200)
  })

  it('counts errors, thrown or rejected, apart from latencies and by message', async () => {
    const result = await openLoop({
      arrivals: everyMs(10),
      call: (index) => {
        if (index < 3) throw new Error('thrown')
        return index < 4 ? Promise.reject(new Error('rejected')) : Promise.resolve()
      },
      drainMs: 10_000,
    })
    expect(result.errors).toBe(4)
    expect(result.errorMessages).toEqual([
      ['thrown', 3],
      ['rejected', 1],
    ])
    expect(result.latencies.count).toBe(6)
  })

  it('gives up on what never answers, and counts what it had waited', async () => {
    const { unfinished, errors, latencies } = await openLoop({
      arrivals: everyMs(3),
      call: (index) => (index === 0 ? new Promise(() => {}) : Promise.resolve()),
      drainMs: 50,
    })
    expect({ unfinished, errors }).toEqual({ unfinished: 1, errors: 0 })
    expect(latencies.count).toBe(3)
    expect(latencies.maxMs).toBeGreaterThanOrEqual(50)
  })

  it('makes calls that are due before the moment it counts from, and does not count them', async () => {
    let made = 0
    const { latencies } = await openLoop({
      arrivals: everyMs(20),
      call: async () => {
        made += 1
      },
      drainMs: 10_000,
      countFromMs: 11,
    })
    expect(made).toBe(20)
    expect(latencies.count).toBe(10)
  })
})
