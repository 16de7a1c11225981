import { describe, expect, it } from 'vitest'
import { loopTrace, zipfTrace } from '../src/trace/generators.ts'
import { hitRatioTable } from '../src/trace/hit-ratio-table.ts'
import { POLICIES } from '../src/trace/policies.ts'

const SIZE = { requests: 10_000, keys: 1_000, seed: 1 }
const policies = new Map(Object.entries(POLICIES))

describe('hitRatioTable', () => {
  it('has no policy above the optimum, and ours for lru is that of lru-cache', () => {
    const { rows } = hitRatioTable(zipfTrace(SIZE, 0.9), policies)
    const valuesOf = (name: string) =>
      rows.find((row) => row.name === name)!.cells.map((cell) => cell!.value)
    const optimum = valuesOf('optimum')
    for (const { name } of rows) {
      for (const [index, value] of valuesOf(name).entries()) {
        expect(value).toBeLessThanOrEqual(optimum[index]!)
        expect(value).toBeGreaterThan(0)
      }
    }
    expect(valuesOf('@hitbox/memory, lru')).toEqual(valuesOf('lru-cache'))
  })

  it('names capacities by entries and share of the keys, from ten entries on', () => {
    const { columns, rows } = hitRatioTable(loopTrace(SIZE), new Map())
    expect(columns).toEqual(['10 (1 %)', '50 (5 %)', '100 (10 %)', '250 (25 %)'])
    expect(rows).toEqual([])
  })
})
