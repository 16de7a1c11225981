import type { Row, Table } from '../contract.ts'
import { type LinePanelOptions, linePanel } from './line-panel.ts'
import type { Panel } from './panel.ts'
import { logScale, type Range } from './scale.ts'

export function hasPercentiles({ columns }: Table): boolean {
  return columns.filter(isPercentile).length >= 3
}

/** A line of percentiles for each contender. The tables of one case share a scale, so their panels can be compared. */
export function latencyPanel(table: Table, domain: Range): Panel {
  const chosen = table.columns.flatMap((column, index) => (isPercentile(column) ? [index] : []))
  const options: LinePanelOptions = {
    title: table.title,
    explanation: `${table.unit}, log scale; less is better`,
    columns: chosen.map((index) => table.columns[index] as string),
    series: table.rows.map((row) => ({
      name: row.name,
      remark: remarkOn(row, table),
      points: chosen.map((index) => row.cells[index]?.value),
    })),
    scale: (range) => logScale(domain, range),
  }
  return linePanel(options)
}

export function latencyDomain(tables: readonly Table[]): Range {
  const values = tables.flatMap(({ columns, rows }) =>
    rows.flatMap(({ cells }) =>
      cells.flatMap((cell, index) =>
        cell !== undefined && cell.value > 0 && isPercentile(columns[index] ?? '')
          ? [cell.value]
          : [],
      ),
    ),
  )
  // With room at both ends, so that no line lies on the names of the columns.
  return values.length === 0 ? [1, 10] : [Math.min(...values) / 1.6, Math.max(...values) * 1.2]
}

function isPercentile(column: string): boolean {
  return /^p\d/.test(column) || column === 'max'
}

/** What a line of latencies does not show: calls that have none. */
function remarkOn({ cells }: Row, { columns }: Table): string | undefined {
  const counts = ['errors', 'unfinished'].flatMap((column) => {
    const count = cells[columns.indexOf(column)]?.value ?? 0
    return count > 0 ? [`${Math.round(count)} ${column}`] : []
  })
  return counts.length === 0 ? undefined : counts.join(', ')
}
