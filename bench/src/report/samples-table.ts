import type { Cell, Table } from '../contract.ts'
import { median, quantile, ratioOf } from '../method/statistics.ts'

/** By row: the numbers of the rounds. */
export type Samples = ReadonlyMap<string, readonly number[]>

interface Column {
  readonly title: string
  readonly samples: Samples
}

interface TableFacts {
  readonly title: string
  readonly unit: string
  readonly base?: string | undefined
  /** The order of rows; those without a number are left out. */
  readonly rows: readonly string[]
  readonly columns: readonly Column[]
  readonly notes?: readonly string[] | undefined
}

/** Medians, quartiles, and ratios to the base of the same column, taken round by round. */
export function samplesTable({ title, unit, base, rows, columns, notes }: TableFacts): Table {
  return {
    title,
    unit,
    base,
    columns: columns.map((column) => column.title),
    rows: rows
      .filter((name) => columns.some(({ samples }) => (samples.get(name)?.length ?? 0) > 0))
      .map((name) => ({ name, cells: columns.map((column) => cellOf(column, name, base)) })),
    notes,
  }
}

function cellOf({ samples }: Column, name: string, base: string | undefined): Cell | undefined {
  const numbers = samples.get(name)
  if (numbers === undefined || numbers.length === 0) return undefined
  const bare = base === undefined ? undefined : samples.get(base)
  return {
    value: median(numbers),
    spread: numbers.length < 2 ? undefined : [quantile(numbers, 0.25), quantile(numbers, 0.75)],
    ratio: bare === undefined ? undefined : ratioOf(numbers, bare),
  }
}
