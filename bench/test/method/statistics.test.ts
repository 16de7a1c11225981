import { describe, expect, it } from 'vitest'
import { median, quantile, ratioOf } from '../../src/method/statistics.ts'

describe('quantile', () => {
  it('lies between neighbours, whatever the order', () => {
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75)
    expect(quantile([4, 1, 3, 2], 1)).toBe(4)
    expect(median([10, 1, 2])).toBe(2)
  })

  it('of one number is that number, and of none is not a number', () => {
    expect(quantile([7], 0.25)).toBe(7)
    expect(median([])).toBeNaN()
  })

  it('leaves what it is given as it is', () => {
    const numbers = [3, 1, 2]
    median(numbers)
    expect(numbers).toEqual([3, 1, 2])
  })
})

describe('ratioOf', () => {
  it('is taken round by round: what slows both parts of a round changes nothing', () => {
    expect(ratioOf([20, 2_000, 22], [10, 1_000, 11])).toBe(2)
  })

  it('leaves out rounds that one of the two has not finished', () => {
    expect(ratioOf([20, 30, 99], [10, 10])).toBe(2.5)
    expect(ratioOf([], [1])).toBeUndefined()
  })

  it('of nothing to nothing is one', () => {
    expect(ratioOf([0], [0])).toBe(1)
  })
})
