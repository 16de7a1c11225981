import { checkHistory, type HistoryEvent, type HistoryRead } from '@hitbox/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'

/** Rule, index of the read, expected version and lag: what the naive judge and the fast one must agree on. */
type Finding = readonly [rule: string, read: number, expected: number, lagMs: number]

/** The rules as they are written, each read against each event. */
function naive(history: readonly HistoryEvent[]): Finding[] {
  return history.flatMap((event, index) => {
    if (event.type !== 'read') return []
    const bound = event.demand === 'strong' ? 0 : event.demand.maxStaleMs
    const acknowledged = history.filter(
      (other) => other.type === 'invalidate' && other.acknowledged && other.key === event.key,
    )
    const known = history.filter(
      (other) =>
        other.key === event.key &&
        other.caller === event.caller &&
        (other.type === 'read' || other.acknowledged),
    )
    return [
      ...judge(event, index, event.demand === 'strong' ? 'strong' : 'bounded', acknowledged, bound),
      ...judge(event, index, 'session', known, 0),
    ]
  })
}

function judge(
  read: HistoryRead,
  index: number,
  rule: string,
  events: readonly HistoryEvent[],
  boundMs: number,
): Finding[] {
  const demanding = events.filter(({ endedAt }) => endedAt < read.startedAt - boundMs)
  const expected = Math.max(0, ...demanding.map(({ version }) => version))
  if (expected <= read.version) return []
  const newer = events.filter(({ version }) => version > read.version)
  const first = Math.min(...newer.map(({ endedAt }) => endedAt))
  return [[rule, index, expected, read.startedAt - first - boundMs]]
}

/** Few callers, keys, versions and moments, so that all of them meet. */
const event: fc.Arbitrary<HistoryEvent> = fc
  .record({
    caller: fc.constantFrom('a', 'b', 'c'),
    key: fc.constantFrom('x', 'y'),
    startedAt: fc.nat(20),
    took: fc.nat(6),
    version: fc.nat(6),
    kind: fc.constantFrom('strong', 0, 3, 8, true, false),
  })
  .map(({ caller, key, startedAt, took, version, kind }): HistoryEvent => {
    const common = { caller, key, startedAt, endedAt: startedAt + took, version }
    if (typeof kind === 'boolean')
      return Object.assign(common, { type: 'invalidate', acknowledged: kind } as const)
    const demand = typeof kind === 'number' ? { maxStaleMs: kind } : ('strong' as const)
    return Object.assign(common, { type: 'read', demand } as const)
  })

it('finds exactly what the rules say', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (history) => {
      const report = checkHistory(history, { maxViolations: 1_000 })
      const found = report.violations.map(({ rule, read, expected, lagMs }): Finding => [
        rule,
        history.indexOf(read),
        expected,
        lagMs,
      ])
      expect(found).toEqual(naive(history))
      for (const { demandedBy, expected, read } of report.violations) {
        expect(demandedBy.version).toBe(expected)
        expect(demandedBy.endedAt).toBeLessThan(read.startedAt)
      }
    }),
    { numRuns: 2_000 },
  )
})

it('judges a million events in seconds', () => {
  const history = Array.from({ length: 1_000_000 }, (_, index): HistoryEvent => {
    const startedAt = index / 100
    const common = {
      caller: `caller ${index % 64}`,
      key: `key ${(index * 7_919) % 1_000}`,
      startedAt,
      endedAt: startedAt + (index % 100) / 50,
      version: index,
    }
    if (index % 10 === 0) return { type: 'invalidate', ...common, acknowledged: true }
    return { type: 'read', ...common, demand: index % 2 === 0 ? 'strong' : { maxStaleMs: 100 } }
  })
  const began = performance.now()
  const { reads, violated } = checkHistory(history)
  const tookMs = performance.now() - began
  expect(reads.strong + reads.bounded).toBe(900_000)
  expect(violated).toEqual({ strong: 0, bounded: 0, session: 0 })
  // About one second on a quiet machine; one that compares each with each would take hours.
  expect(tookMs).toBeLessThan(15_000)
})
