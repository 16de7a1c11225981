import type { Cell, Table } from '../contract.ts'
import type { CountHits } from './policies.ts'
import type { Trace } from './trace.ts'

/** Capacities that are tried, as shares of the keys of a trace. */
const SHARES = [0.001, 0.01, 0.05, 0.1, 0.25]

/** The share of requests that are answered, by policy and capacity. It is exact: running it again changes nothing. */
export function hitRatioTable(trace: Trace, policies: ReadonlyMap<string, CountHits>): Table {
  const capacities = capacitiesOf(trace)
  const [requests, keys] = [trace.requests.length, trace.unique].map((n) => n.toLocaleString('en'))
  return {
    title: `Hit ratio: ${trace.name}`,
    unit: '%',
    columns: capacities.map(
      ({ entries, share }) => `${entries.toLocaleString('en')} (${100 * share} %)`,
    ),
    rows: [...policies].map(([name, countHits]) => ({
      name,
      cells: cellsOf(countHits, trace, capacities),
    })),
    notes: [`${requests} requests for ${keys} keys; capacities are shares of these.`],
  }
}

function cellsOf(
  countHits: CountHits,
  trace: Trace,
  capacities: readonly Capacity[],
): readonly Cell[] {
  return capacities.map(({ entries }) => ({
    value: (100 * countHits(trace, entries)) / trace.requests.length,
  }))
}

interface Capacity {
  readonly entries: number
  /** Of the keys of the trace. */
  readonly share: number
}

/** Fewer than ten entries tell nothing about a policy. */
function capacitiesOf({ unique }: Trace): readonly Capacity[] {
  return SHARES.map((share) => ({ share, entries: Math.round(unique * share) })).filter(
    ({ entries }) => entries >= 10,
  )
}
