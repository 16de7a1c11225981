import type { Table } from '../contract.ts'
import { linePanel } from './line-panel.ts'
import type { Panel } from './panel.ts'
import { linearScale } from './scale.ts'

export function hasShares({ unit, columns }: Table): boolean {
  return unit === '%' && columns.length >= 2
}

/** A line of shares for each row, such as hit ratios by capacity. */
export function sharePanel(table: Table): Panel {
  const values = table.rows.flatMap(({ cells }) => cells.map((cell) => cell?.value ?? 0))
  const most = Math.min(100, 10 * Math.ceil(Math.max(1, ...values) / 10))
  return linePanel({
    title: table.title,
    explanation: `${table.unit}; more is better`,
    columns: table.columns,
    series: table.rows.map(({ name, cells }) => ({
      name,
      points: cells.map((cell) => cell?.value),
    })),
    scale: (range) => linearScale(most, range),
  })
}
