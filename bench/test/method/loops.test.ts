import { describe, expect, it } from 'vitest'
import { askedFor, byPopularity, inTurn } from '../../src/inputs/asked.ts'
import { idOf } from '../../src/inputs/rows.ts'
import { loopsOf } from '../../src/method/loops-of.ts'
import { awaitedLoop, expectedSum, heldLoop } from '../../src/method/loops.ts'

const asked = askedFor(inTurn(3), 'p:')
const subject = {
  peek: (key: string) => ({ id: idOf(key) }),
  get: (key: string) => Promise.resolve({ id: idOf(key) }),
  getOrLoad: (key: string) => ({ id: idOf(key) }),
  close: () => {},
}

describe('loops', () => {
  it('go on where they are told to, around the end, and come to the sum that is expected', async () => {
    expect(expectedSum(asked, 2, 5)).toBe(2 + 0 + 1 + 2 + 0)
    expect(heldLoop(subject.peek, asked, 2, 5)).toBe(5)
    expect(await awaitedLoop(subject.get, asked, 2, 5)).toBe(5)
    expect(await awaitedLoop(subject.getOrLoad, asked, 2, 5)).toBe(5)
  })

  it('are another copy for each owner', async () => {
    const [one, other, again] = await Promise.all(['a', 'b', 'a'].map(loopsOf))
    expect(one?.heldLoop).not.toBe(other?.heldLoop)
    expect(one?.heldLoop).toBe(again?.heldLoop)
  })
})

describe('byPopularity', () => {
  it('asks for the first of the ranks about twice as often as for the second, and the same each time', () => {
    const ids = byPopularity(1_000, 50_000)
    const counts = new Map<number, number>()
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1)
    const [first = 0, second = 0, third = 0] = [...counts.values()].toSorted((a, b) => b - a)
    expect(first / second).toBeGreaterThan(1.8)
    expect(first / second).toBeLessThan(2.2)
    expect(first / third).toBeGreaterThan(2.6)
    expect(first / third).toBeLessThan(3.4)
    expect(byPopularity(1_000, 50_000)).toEqual(ids)
  })

  it('gives equal keys as one string', () => {
    const { keys } = askedFor([5, 1, 5], '')
    expect(keys).toEqual(['user:5', 'user:1', 'user:5'])
  })
})
