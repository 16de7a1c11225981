import { type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { MixedCalls } from '../src/programs/mixed-operations.ts'
import { amount } from './support/amount.ts'
import { type Child, Children } from './support/children.ts'

const OPERATIONS = amount(10_000, 200_000)
const KILLS = amount(2, 20)
const RESPONSE_MS = 200
const TIER_MS = 500
/** In this time after its return hits must be as frequent again as they were. */
const RECOVERY_MS = 2_000
const SLACK_MS = 100

/** How many questions to the server one call asks one after the other, each for `responseTimeout` at most. */
const QUESTIONS: Readonly<Record<string, number>> = {
  getOrLoad: 3,
  'getOrLoad barrier': 4,
  getOrLoadMany: 3,
  get: 2,
  delete: 1,
  set: 2,
  invalidateTags: 2,
  expire: 1,
}
const READS = new Set(['getOrLoad', 'getOrLoad barrier', 'getOrLoadMany', 'get'])

describe('G5 a server that dies at any instant', () => {
  let server: RedisServer
  const children = new Children('mixed-operations')

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(() => children.endAll())

  it(`killed ${KILLS} times in ${OPERATIONS} mixed operations: all settle in time, nothing acknowledged is lost, and hits are back within ${RECOVERY_MS} ms`, async () => {
    const child = await children.start({
      cacheUrl: server.url,
      callers: 16,
      keysOfCaller: 8,
      maxStaleMs: 500,
      responseTimeoutMs: RESPONSE_MS,
      tierTimeoutMs: TIER_MS,
    })
    await reached(child, 2_000)
    const usual = await hitRate(child, 1_000)
    for (let kill = 1; kill <= KILLS; kill += 1) {
      await reached(child, (kill / (KILLS + 1)) * OPERATIONS)
      await server.kill()
      // Some calls meet it gone.
      const { done } = await child.ask('progress', null)
      await reached(child, done + 500)
      await server.restart()
      await pause(RECOVERY_MS)
      expect(await hitRate(child, 500)).toBeGreaterThan(0.9 * usual)
    }
    await reached(child, OPERATIONS)
    const report = await child.ask('report', null)
    expect(report.violations).toEqual([])
    expect(report.violated).toEqual({ strong: 0, bounded: 0, session: 0 })
    expect(report.strongReads).toBeGreaterThan(OPERATIONS / 20)
    expect(Object.keys(report.operations).toSorted()).toEqual(Object.keys(QUESTIONS).toSorted())
    for (const [name, { longestMs, failures }] of Object.entries(report.operations)) {
      const deadlineMs = (QUESTIONS[name] as number) * RESPONSE_MS
      expect({
        name,
        late: longestMs > deadlineMs + SLACK_MS + report.heldUpMs,
        longestMs,
      }).toEqual({
        name,
        late: false,
        longestMs,
      })
      const codes = Object.keys(failures)
      if (READS.has(name)) expect({ name, codes }).toEqual({ name, codes: [] })
      else for (const code of codes) expect(['BACKEND_FAILED', 'TIMEOUT']).toContain(code)
    }
    expect(await child.close()).toBe(0)
  }, 600_000)
})

async function reached(child: Child<MixedCalls>, operations: number): Promise<void> {
  await until(
    `${operations} operations are done`,
    async () => (await child.ask('progress', null)).done >= operations,
    { every: '20ms', within: '5m' },
  )
}

/** Share of reads that found something, over a while. */
async function hitRate(child: Child<MixedCalls>, ms: number): Promise<number> {
  const before = await child.ask('progress', null)
  await pause(ms)
  const after = await child.ask('progress', null)
  return (after.hits - before.hits) / (after.reads - before.reads)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
