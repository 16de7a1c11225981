import { describe, expect, it } from 'vitest'
import type { Table } from '../src/contract.ts'
import { apart } from '../src/plot/line-panel.ts'
import { plotSvg, type PlottedReport } from '../src/plot/plot.ts'

const AWKWARD = `<b> & "quotes" 'n' \u0000 ]]>`

const ratios: Table = {
  title: `A hit, ${AWKWARD}`,
  unit: 'ns',
  base: AWKWARD,
  columns: ['get', AWKWARD],
  rows: [
    { name: AWKWARD, cells: [{ value: 10, ratio: 1 }, undefined] },
    {
      name: 'hitbox',
      cells: [
        { value: 5, ratio: 0.5 },
        { value: 0, ratio: 0 },
      ],
    },
    {
      name: 'a name that is much longer than there is room for beside the bars',
      cells: [
        { value: 1e6, ratio: 1e5 },
        { value: 1, ratio: Number.NaN },
      ],
    },
  ],
}
const latencies: Table = {
  title: 'Latency',
  unit: 'ms',
  columns: ['p50', 'p90', 'max', 'errors', 'unfinished'],
  rows: [
    { name: 'hitbox', cells: [0.1, 1, 10, 0, 0].map((value) => ({ value })) },
    { name: AWKWARD, cells: [0.1, 5_000, 5_000, 12, 3].map((value) => ({ value })) },
    { name: 'gone', cells: [undefined, undefined, undefined, undefined, undefined] },
  ],
}
const shares: Table = {
  title: 'Hit ratio',
  unit: '%',
  columns: ['10 (1 %)', '100 (10 %)'],
  rows: [
    { name: '@hitbox/memory, sieve', cells: [{ value: 0 }, { value: 99.9 }] },
    { name: 'optimum', cells: [{ value: 1 }, { value: 100 }] },
  ],
}
const bare: Table = { title: 'Nothing to draw', unit: 'loads', columns: ['n'], rows: [] }

function reportOf(...tables: readonly Table[]): PlottedReport {
  return {
    date: '2026-01-02T03:04:05.000Z',
    rounds: 9,
    quick: false,
    versions: { node: '20.0.0' },
    machine: { cores: 2, processor: AWKWARD },
    cases: [{ title: `A case ${AWKWARD}`, tables }],
  }
}

describe('plotSvg', () => {
  it('is well-formed whatever names are', () => {
    const svg = plotSvg(reportOf(ratios, latencies, shares, bare))
    expect(malformation(svg)).toBeUndefined()
    expect(svg).not.toContain('<b>')
    expect(svg).not.toContain('\u0000')
    expect(svg).toContain('&lt;b&gt; &amp; &quot;quotes&quot; &apos;n&apos;')
  })

  it('writes no coordinate that is not a number', () => {
    expect(plotSvg(reportOf(ratios, latencies, shares, bare))).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('is the same for the same report', () => {
    const drawn = () => plotSvg(reportOf(ratios, latencies, shares))
    expect(drawn()).toBe(drawn())
  })

  it('has a background of its own', () => {
    expect(plotSvg(reportOf(ratios))).toMatch(/<rect width="\d+" height="[\d.]+" fill="#ffffff"\/>/)
  })

  it('writes the ratio at a bar, and ours in another colour', () => {
    const svg = plotSvg(reportOf(ratios))
    expect(svg).toMatch(/fill="#d9480f"[^>]*\/>\s*<text[^>]*>0\.5<\/text>/)
    expect(svg).toContain('>100,000</text>')
  })

  it('says beside a line of latencies what it does not show', () => {
    expect(plotSvg(reportOf(latencies))).toContain('12 errors, 3 unfinished')
  })

  it('draws a report without tables', () => {
    expect(malformation(plotSvg(reportOf()))).toBeUndefined()
  })
})

describe('apart', () => {
  it('leaves a line of text between labels, in their order and within the panel', () => {
    const heights = apart([0, 1, 1, 100, 228, 229, 230])
    for (const [index, height] of heights.slice(1).entries()) {
      expect(height - heights[index]!).toBeGreaterThanOrEqual(14)
    }
    expect(heights.at(-1)).toBe(230)
    expect(heights[3]).toBe(100)
  })
})

/** What is wrong with a document, by the rules of XML that a generator can break: nesting, names and values of attributes, bare signs. */
function malformation(document: string): string | undefined {
  const open: string[] = []
  const body = document.replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, '').trimEnd()
  const token = /<(\/?)([a-z]+)((?: [A-Za-z][\w:-]*="[^"<]*")*)(\/?)>|([^<]+)|</g
  for (const [found, closes, name, attributes, empty, words] of body.matchAll(token)) {
    const content = (attributes ?? '') + (words ?? '')
    if (found === '<') return 'a bare <'
    if (/&(?!(?:amp|lt|gt|quot|apos);)/.test(content)) return `a bare & in ${found}`
    if (words !== undefined) continue
    if (closes === '/') {
      if (open.pop() !== name) return `</${name}> closes nothing`
    } else if (empty !== '/') open.push(name!)
  }
  return open.length === 0 ? undefined : `<${open.at(-1)}> is not closed`
}
