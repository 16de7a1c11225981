import { until } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

describe('until', () => {
  it('asks until the answer is neither undefined nor false, and gives it', async () => {
    const answers = [undefined, false, 0]
    expect(await until('there is an answer', () => answers.shift(), { every: '1ms' })).toBe(0)
    expect(answers).toEqual([])
  })

  it('takes what is thrown for no answer, and tells the last of it when time is over', async () => {
    let asked = 0
    const asking = until(
      'it works',
      () => {
        asked += 1
        throw new Error(`not the ${asked}. time`)
      },
      { every: '1ms', within: '20ms' },
    )
    const failure = await asking.catch((error: unknown) => error as Error)
    expect(failure.message).toBe('waited in vain until it works')
    expect((failure.cause as Error).message).toBe(`not the ${asked}. time`)
    expect(asked).toBeGreaterThan(1)
  })
})
