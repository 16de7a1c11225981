import type { LoadResult } from './load.ts'

/** One run of the load, with what the instances counted. */
export interface Measured {
  readonly load: LoadResult
  readonly queries: number
  readonly cacheCalls: number
  readonly cacheHits: number
}

/** The table at the end. */
export function comparison(without: Measured, cached: Measured): string {
  const both = [without, cached] as const
  const row = (name: string, cell: (run: Measured) => string): string[] => [name, ...both.map(cell)]
  const rows = [
    ['', 'without', 'with the cache'],
    row('requests a second', ({ load }) =>
      whole((load.reads.length + load.writes.length) / load.seconds),
    ),
    row('reads, p50', ({ load }) => ms(load.reads, 0.5)),
    row('reads, p99', ({ load }) => ms(load.reads, 0.99)),
    row('writes, p50', ({ load }) => ms(load.writes, 0.5)),
    row('queries a read', (run) => perRead(run).toFixed(2)),
    row('writes', ({ load }) => whole(load.writes.length)),
    row('reads after a write at the same instance', ({ load }) => whole(load.checked)),
    row('of these, older than the write', ({ load }) => whole(load.brokenPromises)),
    row('reads older than a write at the other instance', ({ load }) => whole(load.oldElsewhere)),
    row('that long after it, at most', ({ load }) => `${whole(load.oldForMs)} ms`),
  ]
  const reads = cached.load.reads.length
  const needed = perRead(without) * reads
  return [
    table(rows),
    '',
    `hit ratio       ${((100 * cached.cacheHits) / cached.cacheCalls).toFixed(1)} %, from cold`,
    `queries saved   ${whole(needed - cached.queries)} of ${whole(needed)}`,
  ].join('\n')
}

/** Queries that the database answered, for each read that the service answered. */
export function perRead({ queries, load }: Measured): number {
  return (queries - load.writes.length) / load.reads.length
}

const whole = (value: number): string => Math.round(value).toLocaleString('en')

function ms(values: readonly number[], share: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return value === undefined ? 'none' : `${value.toFixed(1)} ms`
}

function table(rows: readonly (readonly string[])[]): string {
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('   '),
    )
    .join('\n')
}
