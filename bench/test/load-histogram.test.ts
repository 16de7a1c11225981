import { describe, expect, it } from 'vitest'
import { LatencyHistogram } from '../src/load/histogram.ts'
import { seededRandom } from '../src/trace/random.ts'

describe('LatencyHistogram', () => {
  it('gives percentiles within 1/64 of the exact ones, over nine orders of magnitude', () => {
    const random = seededRandom(7)
    const histogram = new LatencyHistogram()
    const latencies = Array.from({ length: 20_000 }, () => 10 ** (random() * 9 - 3))
    for (const latency of latencies) histogram.record(latency)
    const sorted = latencies.toSorted((a, b) => a - b)
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = sorted[Math.ceil(share * sorted.length) - 1]!
      const told = histogram.percentileMs(share)!
      expect(Math.abs(told - exact)).toBeLessThanOrEqual(Math.max(exact / 64, 0.001))
    }
  })

  it('keeps its bound at every whole microsecond of the first buckets', () => {
    const wrong = Array.from({ length: 5_000 }, (_, us) => {
      const histogram = new LatencyHistogram()
      histogram.record(us / 1_000)
      histogram.record(3_600_000)
      return Math.abs(histogram.percentileMs(0.5)! * 1_000 - us) - us / 64
    })
    expect(Math.max(...wrong)).toBeLessThan(1e-9)
  })

  it('gives the largest exactly, and no percentile above it', () => {
    const histogram = new LatencyHistogram()
    for (const latency of [1, 2, 1_000.003]) histogram.record(latency)
    expect(histogram.maxMs).toBe(1_000.003)
    expect(histogram.percentileMs(1)).toBeLessThanOrEqual(1_000.003)
    expect(histogram.count).toBe(3)
  })

  it('has no percentile before anything is recorded', () => {
    expect(new LatencyHistogram().percentileMs(0.5)).toBeUndefined()
    expect(new LatencyHistogram().maxMs).toBe(0)
  })
})
