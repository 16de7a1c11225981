import { describe, expect, it } from 'vitest'
import { MaxHeap } from '../src/trace/max-heap.ts'
import { optimalHits } from '../src/trace/optimum.ts'
import { type Random, seededRandom } from '../src/trace/random.ts'
import { type Trace, TraceBuilder } from '../src/trace/trace.ts'

function traceOf(keys: readonly number[]): Trace {
  const builder = new TraceBuilder<number>()
  for (const key of keys) builder.add(key)
  return builder.build('small')
}

function whole(random: Random, below: number): number {
  return Math.floor(random() * below)
}

/** Tries everything a cache can do: after each request any of the keys at hand may go, also the one just asked for. */
function mostHits({ requests }: Trace, capacity: number): number {
  let best = new Map<string, number>([['', 0]])
  for (const key of requests) {
    const next = new Map<string, number>()
    for (const [held, hits] of best) {
      const keys = new Set(held === '' ? [] : held.split(',').map(Number))
      const sum = hits + Number(keys.has(key))
      keys.add(key)
      const choices =
        keys.size <= capacity
          ? [[...keys]]
          : [...keys].map((out) => [...keys].filter((k) => k !== out))
      for (const choice of choices) {
        const state = choice.toSorted((a, b) => a - b).join(',')
        next.set(state, Math.max(next.get(state) ?? 0, sum))
      }
    }
    best = next
  }
  return Math.max(...best.values())
}

describe('optimalHits', () => {
  it('is what trying everything finds, on small traces', () => {
    const random = seededRandom(11)
    for (let run = 0; run < 200; run++) {
      const keys = 2 + whole(random, 6)
      const trace = traceOf(
        Array.from({ length: 4 + whole(random, 16) }, () => whole(random, keys)),
      )
      const capacity = 1 + whole(random, 4)
      expect(optimalHits(trace, capacity)).toBe(mostHits(trace, capacity))
    }
  })

  it('misses only first requests when everything fits', () => {
    const trace = traceOf([1, 2, 3, 1, 2, 3, 1])
    expect(optimalHits(trace, 3)).toBe(4)
    expect(optimalHits(traceOf([]), 3)).toBe(0)
  })
})

describe('MaxHeap', () => {
  it('gives the largest first, whatever the order', () => {
    const random = seededRandom(5)
    const numbers = Array.from({ length: 3_000 }, () => whole(random, 1_000))
    const heap = new MaxHeap()
    for (const number of numbers) heap.push(number)
    expect(numbers.map(() => heap.pop())).toEqual(numbers.toSorted((a, b) => b - a))
  })
})
