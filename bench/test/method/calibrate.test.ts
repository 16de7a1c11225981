import { describe, expect, it } from 'vitest'
import { calibrate } from '../../src/method/calibrate.ts'

describe('calibrate', () => {
  it('finds how many take as long as is asked for, at a cost that it does not know', async () => {
    let now = 0
    const run = (count: number) => {
      now += count * 0.01
      return Promise.resolve()
    }
    const count = await calibrate(run, 10, { clock: () => now })
    expect(count).toBeGreaterThan(900)
    expect(count).toBeLessThan(1_100)
  })

  it('gives no fewer than the least', async () => {
    let now = 0
    const run = () => {
      now += 100
      return Promise.resolve()
    }
    expect(await calibrate(run, 1, { least: 64, clock: () => now })).toBe(64)
  })
})
