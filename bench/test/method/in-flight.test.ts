import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { inFlight } from '../../src/method/in-flight.ts'

describe('inFlight', () => {
  it('keeps so many under way, does each once, and adds up what they give', async () => {
    let under = 0
    let most = 0
    const done: number[] = []
    const sum = await inFlight(4, 10, async (operation) => {
      under += 1
      most = Math.max(most, under)
      await setImmediate()
      under -= 1
      done.push(operation)
      return operation
    })
    expect(sum).toBe(45)
    expect(most).toBe(4)
    expect(done.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})
