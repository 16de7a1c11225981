import type { HistoryReport, HistoryViolation } from '../history/check-history.ts'
import type { FleetCallReport, FleetInstanceReport } from './collector.ts'
import { describeFault, type InjectedFault } from './fault-injector.ts'
import type { FleetCall } from './messages.ts'

/** What {@link runFleet} saw. */
export interface FleetReport {
  /** Give it again to have the same faults and calls again. */
  readonly seed: number
  /** How long there were calls, in ms. */
  readonly durationMs: number
  /** In the order of their numbers. */
  readonly instances: readonly FleetInstanceReport[]
  readonly calls: Readonly<Partial<Record<FleetCall, FleetCallReport>>>
  /** What callers saw, and whether they might. */
  readonly history: HistoryReport
  readonly faults: readonly InjectedFault[]
  /** Processes that crashed, could not start again, did not close or stayed after their close. Empty when all is well. */
  readonly problems: readonly string[]
}

/** How many violations the text shows. */
const SHOWN = 5

/** The report as text for people, of some twenty lines and one for each fault. */
export function describeFleet(report: FleetReport): string {
  const { seed, durationMs, history, instances, calls, faults, problems } = report
  const { reads, invalidations, violated, staleness } = history
  const ms = (value: number): string => value.toFixed(1)
  return [
    `seed ${seed}, ${Math.round(durationMs)} ms, ${instances.length} instances`,
    `reads: ${reads.strong} strong, ${reads.bounded} bounded; ` +
      `invalidations: ${invalidations.acknowledged} acknowledged, ${invalidations.unacknowledged} not`,
    `violations: ${violated.strong} strong, ${violated.bounded} bounded, ${violated.session} session`,
    `staleness of bounded reads: p50 ${ms(staleness.p50Ms)}, p99 ${ms(staleness.p99Ms)}, max ${ms(staleness.maxMs)} ms`,
    ...history.violations.slice(0, SHOWN).map(describeViolation),
    ...Object.entries(calls).map(
      ([name, call]) =>
        `${name}: ${call.calls} calls, p50 ${ms(call.p50Ms)}, p99 ${ms(call.p99Ms)}, max ${ms(call.maxMs)} ms` +
        ` (${ms(call.maxWallMs)} by the wall)${describeCounts(' errors', call.errors)}`,
    ),
    ...instances.map(
      ({ starts, calls: made, errors, stats }, number) =>
        `instance ${number}: ${starts} starts, ${made} calls, ${errors} errors${describeCounts('', stats)}`,
    ),
    ...faults.map((fault) => {
      const { startedAt, endedAt, skipped, ...planned } = fault
      const outcome =
        skipped === undefined ? `${startedAt} to ${endedAt} ms` : `skipped: ${skipped}`
      return `${describeFault(planned)} (${outcome})`
    }),
    ...problems,
  ].join('\n')
}

function describeViolation({ rule, read, expected, demandedBy, lagMs }: HistoryViolation): string {
  const { caller, key, startedAt, version } = read
  const why = `${demandedBy.type} by ${demandedBy.caller}, ended ${(startedAt - demandedBy.endedAt).toFixed(3)} ms before`
  return `${rule}: ${caller} read ${key} at version ${version}, expected ${expected} (${why}; ${lagMs.toFixed(1)} ms too old)`
}

function describeCounts(title: string, counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts)
  if (entries.length === 0) return ''
  return `;${title} ${entries.map(([name, count]) => `${name} ${count}`).join(', ')}`
}
