import { describe, expect, it } from 'vitest'
import { printTable, threeDigits } from '../../src/report/print-table.ts'
import { samplesTable } from '../../src/report/samples-table.ts'

const table = samplesTable({
  title: 'A hit',
  unit: 'ns',
  base: 'bare',
  rows: ['bare', 'ours', 'absent'],
  columns: [
    {
      title: 'get',
      samples: new Map([
        ['bare', [10, 20, 30]],
        ['ours', [20, 40, 60]],
      ]),
    },
    { title: 'peek', samples: new Map([['bare', [5]]]) },
  ],
  notes: ['a note'],
})

describe('samplesTable', () => {
  it('has medians, quartiles and ratios by round, and no row without a number', () => {
    expect(table.rows.map(({ name }) => name)).toEqual(['bare', 'ours'])
    expect(table.rows[1]?.cells).toEqual([{ value: 40, spread: [30, 50], ratio: 2 }, undefined])
    expect(table.rows[0]?.cells[0]?.ratio).toBe(1)
  })

  it('has no ratios where there is no base', () => {
    const { rows } = samplesTable({
      title: '',
      unit: 'loads',
      rows: ['a'],
      columns: [{ title: 'loads', samples: new Map([['a', [1, 1, 4]]]) }],
    })
    expect(rows[0]?.cells[0]).toEqual({ value: 1, spread: [1, 2.5], ratio: undefined })
  })
})

describe('printTable', () => {
  it('prints ratios first, then values with how far they spread, then notes', () => {
    expect(printTable(table)).toBe(
      [
        'A hit',
        '  x bare, less is better  get  peek',
        '  bare                      1     1',
        '  ours                      2     -',
        '  ns        get  peek',
        '  bare  20 ±25%     5',
        '  ours  40 ±25%     -',
        '  a note',
        '',
      ].join('\n'),
    )
  })

  it('has three digits', () => {
    expect([0, 0.012_345, 1.234_5, 99.95, 1_234_567, Number.NaN].map(threeDigits)).toEqual([
      '0',
      '0.0123',
      '1.23',
      '100',
      '1,234,567',
      '-',
    ])
  })
})
