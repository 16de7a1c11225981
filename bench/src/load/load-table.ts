import type { Cell, Row, Table } from '../contract.ts'
import { median, quantile } from '../method/statistics.ts'
import type { LoadSummary } from './plan.ts'
import type { Outcome } from './run-contender.ts'

const COLUMNS = ['p50', 'p90', 'p99', 'p99.9', 'max', 'errors', 'unfinished'] as const

/** One row for each contender, each figure the median of its rounds. */
export function loadTable(
  title: string,
  outcomes: ReadonlyMap<string, readonly Outcome[]>,
  notes: readonly string[],
): Table {
  const rows = [...outcomes].map(([name, rounds]): Row => ({ name, cells: cellsOf(rounds) }))
  const troubles = [...outcomes].flatMap(([name, rounds]) => troublesOf(name, rounds))
  return { title, unit: 'ms', columns: [...COLUMNS], rows, notes: [...notes, ...troubles] }
}

function cellsOf(rounds: readonly Outcome[]): readonly (Cell | undefined)[] {
  const seen = rounds.filter((outcome): outcome is LoadSummary => !('failed' in outcome))
  const figures = seen.map((summary) => [
    summary.p50,
    summary.p90,
    summary.p99,
    summary.p999,
    summary.max,
    summary.errors,
    summary.unfinished,
  ])
  return COLUMNS.map((_, column) => cellOf(figures.map((round) => round[column] as number)))
}

function cellOf(values: readonly number[]): Cell | undefined {
  const known = values.filter((value) => !Number.isNaN(value))
  if (known.length === 0) return undefined
  if (known.length === 1) return { value: known[0] as number }
  return { value: median(known), spread: [quantile(known, 0.25), quantile(known, 0.75)] }
}

function troublesOf(name: string, rounds: readonly Outcome[]): readonly string[] {
  const told = rounds.flatMap((outcome) => {
    if ('failed' in outcome) return [`${name}: ${outcome.failed}`]
    return outcome.errorMessage === undefined ? [] : [`${name} fails with: ${outcome.errorMessage}`]
  })
  return [...new Set(told)]
}
