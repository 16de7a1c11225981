import type { Table } from '../contract.ts'
import type { Report } from '../report/report.ts'
import { hasPercentiles, latencyDomain, latencyPanel } from './latency-panel.ts'
import { LOOK } from './look.ts'
import { GAP, PAGE_WIDTH, type Panel } from './panel.ts'
import { hasRatios, ratioPanel } from './ratio-panel.ts'
import { hasShares, sharePanel } from './share-panel.ts'
import { at, element, type Svg } from './svg.ts'
import { line } from './words.ts'

const MARGIN = 24

/** As much of a report as is drawn. */
export type PlottedReport = Pick<Report, 'date' | 'rounds' | 'quick' | 'versions'> & {
  readonly machine: Pick<Report['machine'], 'cores' | 'processor'>
  readonly cases: readonly { readonly title: string; readonly tables: readonly Table[] }[]
}

/**
 * Draws a report as an SVG that stands by itself: bars of ratios, percentiles of latencies, hit ratios by capacity. A table that has none of these
 * is left to the text. The same report gives the same picture.
 */
export function plotSvg(report: PlottedReport): string {
  const parts: Svg[] = [
    line(0, 20, 'Hitbox beside its peers', { size: 22, bold: true }),
    line(0, 40, circumstances(report), { colour: LOOK.faint }),
  ]
  let top = 40 + GAP
  for (const { title, tables } of report.cases) {
    const panels = panelsOf(tables)
    if (panels.length === 0) continue
    parts.push(
      element('line', { x1: 0, y1: top, x2: PAGE_WIDTH, y2: top, stroke: LOOK.faint }),
      line(0, top + 26, title, { size: 17, bold: true }),
    )
    const laid = inRows(panels, top + 26 + GAP)
    parts.push(...laid.parts)
    top = laid.bottom
  }
  const [width, height] = [PAGE_WIDTH + 2 * MARGIN, top + 2 * MARGIN]
  const svg = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${Math.round(height * 10) / 10}`,
      'font-family': LOOK.font,
    },
    element('rect', { width, height, fill: LOOK.background }),
    at(MARGIN, MARGIN, ...parts),
  )
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg}\n`
}

/** Whether {@link plotSvg} has anything to draw of these. */
export function isPlotted(tables: readonly Table[]): boolean {
  return panelsOf(tables).length > 0
}

function circumstances({ date, machine, versions, rounds, quick }: PlottedReport): string {
  const words = [
    date.slice(0, 10),
    `${machine.cores} x ${machine.processor}`,
    `Node.js ${versions['node'] ?? 'of an unknown version'}`,
    `medians of ${rounds} rounds`,
  ]
  return [...words, ...(quick ? ['small inputs: for trying the bench out only'] : [])].join(', ')
}

function panelsOf(tables: readonly Table[]): readonly Panel[] {
  const domain = latencyDomain(tables.filter(hasPercentiles))
  return tables.flatMap((table) => {
    if (table.rows.length === 0 || table.columns.length === 0) return []
    if (hasRatios(table)) return [ratioPanel(table)]
    if (hasPercentiles(table)) return [latencyPanel(table, domain)]
    return hasShares(table) ? [sharePanel(table)] : []
  })
}

/** Side by side as long as there is room. */
function inRows(panels: readonly Panel[], from: number): { parts: readonly Svg[]; bottom: number } {
  const parts: Svg[] = []
  let [x, y, tallest] = [0, from, 0]
  for (const { width, height, svg } of panels) {
    if (x > 0 && x + width > PAGE_WIDTH + 0.5) {
      ;[x, y, tallest] = [0, y + tallest + GAP, 0]
    }
    parts.push(at(x, y, svg))
    x += width + GAP
    tallest = Math.max(tallest, height)
  }
  return { parts, bottom: y + tallest + GAP }
}
