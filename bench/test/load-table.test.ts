import { describe, expect, it } from 'vitest'
import { loadTable } from '../src/load/load-table.ts'
import type { LoadSummary } from '../src/load/plan.ts'

const seen = (p50: number): LoadSummary => ({
  calls: 100,
  p50,
  p90: 2,
  p99: 3,
  p999: 4,
  max: 5,
  errors: 1,
  unfinished: 0,
  errorMessage: 'refused',
})

describe('loadTable', () => {
  it('gives the medians of the rounds', () => {
    const { columns, rows } = loadTable('t', new Map([['a', [seen(3), seen(1), seen(2)]]]), [])
    expect(columns).toEqual(['p50', 'p90', 'p99', 'p99.9', 'max', 'errors', 'unfinished'])
    expect(rows[0]?.cells[0]).toEqual({ value: 2, spread: [1.5, 2.5] })
  })

  it('says once why a contender fails, and leaves out what nobody saw', () => {
    const table = loadTable(
      't',
      new Map([
        ['a', [seen(1), seen(1)]],
        ['b', [{ failed: 'hung' }]],
      ]),
      [],
    )
    expect(table.notes).toEqual(['a fails with: refused', 'b: hung'])
    expect(table.rows[1]?.cells).toEqual(Array.from({ length: 7 }, () => undefined))
  })
})
