import { CacheError } from '@hitbox/core'
import {
  checkHistory,
  type HistoryEvent,
  type HistoryInvalidation,
  type HistoryRead,
  historyRecorder,
  machineTime,
} from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

const STRONG = 'strong' as const
const bounded = (maxStaleMs: number): { readonly maxStaleMs: number } => ({ maxStaleMs })

function read(
  startedAt: number,
  version: number,
  demand: HistoryRead['demand'] = STRONG,
  more: Partial<HistoryRead> = {},
): HistoryRead {
  const endedAt = startedAt + 1
  return { type: 'read', caller: 'r', key: 'k', startedAt, endedAt, version, demand, ...more }
}

function invalidation(
  endedAt: number,
  version: number,
  more: Partial<HistoryInvalidation> = {},
): HistoryInvalidation {
  const common = { caller: 'w', key: 'k', startedAt: endedAt - 1, endedAt }
  return { type: 'invalidate', ...common, version, acknowledged: true, ...more }
}

/** Which rules were broken, in the order of the reads. */
function rules(...history: HistoryEvent[]): string[] {
  return checkHistory(history).violations.map(({ rule }) => rule)
}

describe('checkHistory', () => {
  it('finds nothing in nothing', () => {
    expect(checkHistory([])).toEqual({
      reads: { strong: 0, bounded: 0 },
      invalidations: { acknowledged: 0, unacknowledged: 0 },
      violated: { strong: 0, bounded: 0, session: 0 },
      violations: [],
      staleness: { reads: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 },
    })
  })

  it('demands of a strong read what had been acknowledged before it began', () => {
    expect(rules(invalidation(10, 2), read(11, 1))).toEqual(['strong'])
    expect(rules(invalidation(10, 2), read(11, 2))).toEqual([])
    expect(rules(invalidation(10, 2), read(11, 3))).toEqual([])
  })

  it('takes what is at the same moment for concurrent', () => {
    expect(rules(invalidation(10, 2), read(10, 1))).toEqual([])
    expect(rules(invalidation(10, 2), read(10.001, 1))).toEqual(['strong'])
    expect(rules(invalidation(10, 2), read(20, 1, bounded(10)))).toEqual([])
    expect(rules(invalidation(10, 2), read(20.001, 1, bounded(10)))).toEqual(['bounded'])
    expect(rules(read(1, 5, STRONG, { endedAt: 3 }), read(3, 4))).toEqual([])
    expect(rules(read(1, 5, STRONG, { endedAt: 3 }), read(3.001, 4))).toEqual(['session'])
  })

  it('lets a read that an invalidation overlaps see either', () => {
    const overlapping = invalidation(15, 2, { startedAt: 5 })
    expect(rules(overlapping, read(10, 1, STRONG, { endedAt: 12 }))).toEqual([])
    expect(rules(overlapping, read(10, 1, STRONG, { endedAt: 30 }))).toEqual([])
  })

  it('expects nothing of what was not acknowledged', () => {
    const failed = invalidation(10, 2, { acknowledged: false, caller: 'r' })
    expect(rules(failed, read(11, 1))).toEqual([])
    expect(checkHistory([failed]).invalidations).toEqual({ acknowledged: 0, unacknowledged: 1 })
  })

  it('goes by the newest version, not the last acknowledgement', () => {
    const { violations } = checkHistory([invalidation(10, 5), invalidation(20, 3), read(30, 4)])
    expect(violations).toEqual([
      {
        rule: 'strong',
        read: read(30, 4),
        expected: 5,
        demandedBy: invalidation(10, 5),
        lagMs: 20,
      },
    ])
  })

  it('says for how long a value had been too old, by the first that was newer', () => {
    const history = [invalidation(10, 5), invalidation(20, 6), read(150, 4, bounded(100))]
    const { violations, staleness } = checkHistory(history)
    expect(violations).toMatchObject([{ rule: 'bounded', expected: 6, lagMs: 40 }])
    expect(staleness).toEqual({ reads: 1, p50Ms: 140, p99Ms: 140, maxMs: 140 })
  })

  it('demands of a caller’s reads what it has seen itself', () => {
    const own = { caller: 'a' }
    const other = { caller: 'b' }
    const stale = bounded(1_000)
    expect(rules(read(1, 5, stale, own), read(3, 4, stale, own))).toEqual(['session'])
    expect(rules(read(1, 5, stale, own), read(3, 4, stale, other))).toEqual([])
    expect(rules(invalidation(2, 5, own), read(3, 4, stale, own))).toEqual(['session'])
    expect(rules(invalidation(2, 5, own), read(3, 4, stale, other))).toEqual([])
    expect(rules(invalidation(2, 5, own), read(3, 4, STRONG, own))).toEqual(['strong', 'session'])
  })

  it('keeps keys apart', () => {
    const other = { key: 'other' }
    expect(rules(invalidation(2, 5), read(3, 1, STRONG, other))).toEqual([])
    expect(rules(read(1, 5), read(3, 1, STRONG, other))).toEqual([])
  })

  it('does not mix up a caller and a key that look alike together', () => {
    const first = read(1, 5, STRONG, { caller: 'a/b', key: 'c' })
    const second = read(3, 1, STRONG, { caller: 'a', key: 'b/c' })
    expect(rules(first, second)).toEqual([])
  })

  it('does not mind the order of the events', () => {
    const history = [read(30, 4), invalidation(20, 3), read(5, 0), invalidation(10, 5)]
    expect(checkHistory(history).violated).toEqual({ strong: 1, bounded: 0, session: 0 })
  })

  it('takes anything that can be gone through once', () => {
    const events = function* events(): Generator<HistoryEvent> {
      yield invalidation(10, 2)
      yield read(11, 1)
    }
    expect(checkHistory(events()).violated.strong).toBe(1)
  })

  it('keeps some violations and counts all', () => {
    const reads = Array.from({ length: 10 }, () => read(11, 1))
    const history = [invalidation(10, 2), ...reads]
    const { violated, violations } = checkHistory(history, { maxViolations: 3 })
    expect(violated.strong).toBe(10)
    expect(violations).toHaveLength(3)
    expect(checkHistory(history, { maxViolations: 0 }).violations).toEqual([])
  })

  it('refuses what cannot have happened', () => {
    const wrong: unknown[] = [
      undefined,
      'read',
      { ...read(1, 1), type: 'write' },
      { ...read(1, 1), caller: 1 },
      { ...read(1, 1), key: undefined },
      { ...read(1, 1), version: -1 },
      { ...read(1, 1), version: 1.5 },
      { ...read(1, 1), startedAt: Number.NaN },
      { ...read(1, 1), endedAt: 0 },
      { ...read(1, 1), endedAt: Number.POSITIVE_INFINITY },
      { ...read(1, 1), demand: 'weak' },
      { ...read(1, 1), demand: { maxStaleMs: -1 } },
      { ...read(1, 1), demand: undefined },
      { ...read(1, 1), acknowledged: true },
      { ...invalidation(1, 1), acknowledged: 'yes' },
      { ...invalidation(1, 1), demand: STRONG },
    ]
    const refused = (run: () => unknown): boolean => {
      try {
        run()
        return false
      } catch (error) {
        return CacheError.is(error, 'INVALID_OPTION')
      }
    }
    for (const event of wrong)
      expect([event, refused(() => checkHistory([event as HistoryEvent]))]).toEqual([event, true])
    expect(refused(() => checkHistory(undefined as never))).toBe(true)
    expect(refused(() => checkHistory([], { maxViolations: -1 }))).toBe(true)
    expect(refused(() => checkHistory([], { most: 1 } as never))).toBe(true)
  })
})

describe('historyRecorder', () => {
  it('records what calls gave, in machine time', async () => {
    const history: HistoryEvent[] = []
    const {
      invalidate,
      read: readOne,
      readMany,
    } = historyRecorder('c', (event) => {
      history.push(event)
    })
    const before = machineTime()
    await invalidate({ a: 3, b: 4 }, async () => undefined)
    expect(await readOne('a', STRONG, async () => 3)).toBe(3)
    expect(await readMany(['a', 'b'], bounded(5), async () => [3, 4])).toEqual([3, 4])
    const kept = history.map(({ type, caller, key, version }) => [type, caller, key, version])
    expect(kept).toEqual([
      ['invalidate', 'c', 'a', 3],
      ['invalidate', 'c', 'b', 4],
      ['read', 'c', 'a', 3],
      ['read', 'c', 'a', 3],
      ['read', 'c', 'b', 4],
    ])
    const moments = history.flatMap(({ startedAt, endedAt }) => [startedAt, endedAt])
    for (const moment of moments) expect(moment).toBeGreaterThanOrEqual(before)
    expect(Math.max(...moments)).toBeLessThanOrEqual(machineTime())
    expect(checkHistory(history).violations).toEqual([])
  })

  it('passes rejections on: a read leaves no trace, an invalidation one that promises nothing', async () => {
    const history: HistoryEvent[] = []
    const {
      invalidate,
      read: readOne,
      readMany,
    } = historyRecorder('c', (event) => {
      history.push(event)
    })
    const broken = new Error('broken')
    const fail = async (): Promise<never> => Promise.reject(broken)
    await expect(readOne('a', STRONG, fail)).rejects.toBe(broken)
    await expect(readMany(['a', 'b'], STRONG, async () => [1])).rejects.toThrow('1 versions for 2')
    expect(history).toEqual([])
    await expect(invalidate({ a: 1 }, fail)).rejects.toBe(broken)
    expect(history).toMatchObject([{ type: 'invalidate', key: 'a', acknowledged: false }])
  })
})
