import type { Latencies } from './traffic.ts'

/** The table at the end: who answered how often and how fast, and what that saved. */
export function report(latencies: Latencies): string {
  const total = [...latencies.values()].reduce((sum, list) => sum + list.length, 0)
  const rows = [['answered by', 'requests', 'share', 'p50', 'p99']]
  for (const [source, list] of [...latencies].toSorted(([, a], [, b]) => b.length - a.length)) {
    const sorted = list.toSorted((a, b) => a - b)
    const name = source === 'upstream' ? 'computation' : source
    const share = `${((100 * list.length) / total).toFixed(1)} %`
    rows.push([
      name,
      String(list.length),
      share,
      ms(percentile(sorted, 0.5)),
      ms(percentile(sorted, 0.99)),
    ])
  }
  const computed = latencies.get('upstream') ?? []
  const spent = [...latencies.values()].flat().reduce((sum, each) => sum + each, 0)
  const saved = total - computed.length
  const lines = [table(rows), '', `hit ratio            ${((100 * saved) / total).toFixed(1)} %`]
  lines.push(`computations saved   ${saved} of ${total}`)
  if (computed.length > 0) {
    const each = percentile(
      computed.toSorted((a, b) => a - b),
      0.5,
    )
    lines.push(
      `speed-up             ${((each * total) / spent).toFixed(1)} times (${ms(each)} a request without the tiers)`,
    )
  }
  return lines.join('\n')
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}

const ms = (value: number): string => `${value.toFixed(2)} ms`

function table(rows: readonly (readonly string[])[]): string {
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('   ')
  return [
    ...rows.slice(0, 1).map(line),
    widths.map((width) => '-'.repeat(width)).join('   '),
    ...rows.slice(1).map(line),
  ].join('\n')
}
