import { describe, expect, it } from 'vitest'
import { labelOf, SETTINGS } from '../src/contender.ts'
import { MARGINS, missed } from '../src/guard/margins.ts'
import { loadCases, loadContenders, namesOf } from '../src/registry.ts'

describe('loadContenders', () => {
  it('finds whatever is in the folder, ours and bare parts first', async () => {
    const contenders = await loadContenders()
    const names = contenders.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['hitbox', 'lru-cache', 'node-redis', 'bentocache']),
    )
    expect(names.indexOf('lru-cache')).toBeLessThan(names.indexOf('hitbox'))
    expect(names.indexOf('hitbox')).toBeLessThan(names.indexOf('bentocache'))
  })

  it('gives no row of a table two contenders', async () => {
    const labels = (await loadContenders()).flatMap((contender) =>
      SETTINGS.filter(
        (setting) => setting in contender.settings && !setting.startsWith('tagged'),
      ).map((setting) => labelOf(contender, setting)),
    )
    expect(new Set(labels).size).toBe(labels.length)
  })

  it('says of each where its packages are and what was set', async () => {
    for (const { about, settings } of await loadContenders()) {
      expect(about).not.toBe('')
      expect(Object.keys(settings)).not.toEqual([])
    }
  })

  it('lets --only name contenders and their rows', async () => {
    const names = namesOf(await loadContenders())
    expect(names).toEqual(expect.arrayContaining(['hitbox', 'hitbox, Redis', 'hitbox, two tiers']))
  })
})

describe('loadCases', () => {
  it('finds whatever is in the folder, in the order in which it is told', async () => {
    const names = (await loadCases()).map(({ name }) => name)
    expect(names.slice(0, 3)).toEqual(['l1', 'observers', 'l2'])
    expect(new Set(names).size).toBe(names.length)
  })
})

describe('margins', () => {
  const margin = {
    case: 'l1',
    table: 'A hit',
    row: 'hitbox',
    column: 'get',
    of: 'ratio',
    most: 2,
  } as const
  const tableWith = (ratio: number | undefined) => [
    {
      title: 'A hit in memory',
      unit: 'ns',
      columns: ['peek', 'get'],
      rows: [{ name: 'hitbox', cells: [undefined, { value: 1, ratio }] }],
    },
  ]

  it('are of cases that there are', async () => {
    const names = (await loadCases()).map(({ name }) => name)
    for (const one of MARGINS) expect(names).toContain(one.case)
  })

  it('are kept, or missed with one line', () => {
    expect(missed(margin, tableWith(2))).toBeUndefined()
    expect(missed(margin, tableWith(2.345_6))).toBe(
      'hitbox, get (l1: A hit): must be at most 2, got 2.35 x the bare part',
    )
  })

  it('are missed when nothing was measured', () => {
    expect(missed(margin, [])).toContain('nothing was measured')
    expect(missed(margin, tableWith(undefined))).toContain('nothing was measured')
    expect(missed(margin, tableWith(Number.NaN))).toContain('must be at most')
  })
})
