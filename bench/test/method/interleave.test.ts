import { describe, expect, it } from 'vitest'
import { interleave, type Lane, warmUpOf } from '../../src/method/interleave.ts'

function recording(name: string, order: string[], values?: readonly number[]): Lane {
  return {
    name,
    round: (round) => {
      order.push(`${name}${round}`)
      return Promise.resolve([values?.[round] ?? round, -round])
    },
  }
}

describe('interleave', () => {
  it('goes forwards and backwards in turn', async () => {
    const order: string[] = []
    await interleave(
      ['a', 'b', 'c'].map((name) => recording(name, order)),
      2,
    )
    expect(order).toEqual(['a0', 'b0', 'c0', 'c1', 'b1', 'a1', 'a2', 'b2', 'c2'])
  })

  it('does not count the rounds for warming up', async () => {
    const { samples } = await interleave([recording('a', [], [900, 1, 2, 3])], 3)
    expect(warmUpOf(3)).toBe(1)
    expect(samples.get('a')).toEqual([
      [1, 2, 3],
      [-1, -2, -3],
    ])
  })

  it('warms up for longer when there is time', () => {
    expect(warmUpOf(9)).toBe(2)
  })

  it('leaves out a lane that throws, with why, and goes on with the others', async () => {
    const order: string[] = []
    const failing: Lane = {
      name: 'b',
      round: (round) => {
        order.push(`b${round}`)
        return round === 2 ? Promise.reject(new Error('no more')) : Promise.resolve([1])
      },
    }
    const { samples, failures } = await interleave([recording('a', order), failing], 3)
    expect(samples.get('a')?.[0]).toHaveLength(3)
    expect(samples.has('b')).toBe(false)
    expect(failures.get('b')).toBe('no more')
    expect(order).not.toContain('b3')
  })
})
