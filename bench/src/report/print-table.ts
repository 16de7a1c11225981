import type { Cell, Table } from '../contract.ts'

/** A table as text: the ratios to the bare part first, since they are what holds on another machine, then what was measured. */
export function printTable(table: Table): string {
  const { title, unit, base, notes = [] } = table
  const hasRatios =
    base !== undefined && table.rows.some(({ cells }) => cells.some((cell) => cell?.ratio))
  const parts = [
    title,
    ...(hasRatios
      ? [grid(table, `x ${base}, ${unit.endsWith('/s') ? 'more' : 'less'} is better`, ratioText)]
      : []),
    grid(table, unit, valueText),
    ...notes.map((note) => `  ${note}`),
  ]
  return `${parts.join('\n')}\n`
}

function grid(table: Table, corner: string, text: (cell: Cell) => string): string {
  const lines = [
    [corner, ...table.columns],
    ...table.rows.map(({ name, cells }) => [
      name,
      ...table.columns.map((_, at) => {
        const cell = cells[at]
        return cell === undefined ? '-' : text(cell)
      }),
    ]),
  ]
  const widths = lines[0]?.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((word, at) =>
          at === 0 ? `  ${word.padEnd(widths?.[at] ?? 0)}` : word.padStart(widths?.[at] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function ratioText({ ratio }: Cell): string {
  return ratio === undefined ? '-' : threeDigits(ratio)
}

/** With half of the distance between the quartiles, as a share: how far to trust it. */
function valueText({ value, spread }: Cell): string {
  const text = threeDigits(value)
  if (spread === undefined || value === 0 || !Number.isFinite(value)) return text
  const share = Math.round(((spread[1] - spread[0]) / 2 / Math.abs(value)) * 100)
  return `${text} ±${share}%`
}

/** Three digits are more than a busy machine gives. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (value !== 0 && Math.abs(value) < 100) return String(Number(value.toPrecision(3)))
  return Math.round(value).toLocaleString('en')
}
