import { describe, expect, it } from 'vitest'
import { labelOf, SETTINGS } from '../../src/contender.ts'
import type { Table } from '../../src/contract.ts'
import { loadContenders } from '../../src/registry.ts'
import { GOALS, isMet, measuredOf } from '../../src/report/goals.ts'
import { readReport, withFigures } from '../../src/report/page.ts'
import type { Report } from '../../src/report/report.ts'

const tables: readonly Table[] = [
  {
    title: 'A hit in Redis: 200 B',
    unit: 'ops/s',
    base: 'bare',
    columns: ['1 in flight', '32 in flight'],
    rows: [
      {
        name: 'hitbox, Redis',
        cells: [
          { value: 900, ratio: 0.9 },
          { value: 8_000, ratio: 0.8 },
        ],
      },
      { name: 'a|<b>', cells: [undefined, { value: 1 }] },
    ],
    notes: ['a note'],
  },
]
const report: Report = {
  date: '2026-01-02T03:04:05.000Z',
  machine: { system: 'linux', processor: 'a processor', cores: 2, memoryGiB: 8 },
  versions: { node: '20.0.0' },
  arguments: [],
  rounds: 7,
  quick: false,
  loadAverage: { start: 0.1, end: 2 },
  seconds: 600,
  contenders: { bare: 'the bare part' },
  cases: [{ name: 'l2', title: 'A hit in Redis', seconds: 1, tables }],
}
const PAGE = [
  '# Page',
  '<!-- figures: made by `npm run bench -- --page` -->',
  'what was there',
  '<!-- end of figures -->',
  'prose',
  '',
].join('\n')

describe('withFigures', () => {
  it('replaces what is between the marks, and nothing else', () => {
    const page = withFigures(PAGE, report)
    expect(page.startsWith('# Page\n')).toBe(true)
    expect(page.endsWith('<!-- end of figures -->\nprose\n')).toBe(true)
    expect(page).not.toContain('what was there')
    expect(withFigures(page, report)).toBe(page)
  })

  it('is the same from a report that was kept as JSON', () => {
    const kept = readReport(JSON.stringify(report))
    expect(withFigures(PAGE, kept)).toBe(withFigures(PAGE, report))
  })

  it('gives the ratio first, then the figure, and says which way is better', () => {
    const page = withFigures(PAGE, report)
    expect(page).toContain('Ratios to bare (more is better), in brackets ops/s.')
    expect(page).toContain('| **hitbox, Redis** | 0.9 (900)   | 0.8 (8,000)  |')
    expect(page).toContain('| a\\|&lt;b>         | –           | 1            |')
    expect(page).toContain('- a note')
    expect(page).toContain('![A hit in Redis](performance/l2.svg)')
  })

  it('says of each goal whether it is met, and that the others were not measured', () => {
    const page = withFigures(PAGE, report)
    expect(page).toMatch(
      /a hit in Redis of 200 B, through the cache.*≥ 0\.85 ×.*0\.8 ×.*\*\*missed\*\*/,
    )
    expect(page).toContain('not measured')
  })

  it('refuses a page without marks', () => {
    expect(() => withFigures('# Page\n', report)).toThrow('the page must have')
  })
})

describe('GOALS', () => {
  it('count the worst of the columns where they name none', () => {
    const goal = {
      what: '',
      table: 'A hit in Redis: 200',
      row: 'hitbox, Redis',
      of: 'ratio',
    } as const
    expect(measuredOf({ ...goal, least: 1 }, tables)).toBe(0.8)
    expect(measuredOf({ ...goal, most: 1 }, tables)).toBe(0.9)
    expect(measuredOf({ ...goal, row: 'absent' }, tables)).toBeUndefined()
    expect(isMet({ ...goal, least: 0.8 }, 0.8)).toBe(true)
    expect(isMet({ ...goal, most: 0.8 }, 0.9)).toBe(false)
  })

  it('are of contenders that there are', async () => {
    const labels = (await loadContenders()).flatMap((contender) =>
      SETTINGS.map((setting) => labelOf(contender, setting)),
    )
    for (const { row } of GOALS) expect(labels).toContain(row)
  })
})
