import { faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CacheProcessCalls } from '../src/programs/cache-process.ts'
import { amount } from './support/amount.ts'
import { type Child, Children } from './support/children.ts'
import { Caches } from './support/caches.ts'

const PROCESSES = 8
const CALLS = 1_000
const KEYS = amount(3, 20)
const LEASE_MS = 500
const LOAD_MS = 100
/** How much later the machine may be when it is busy with all these processes. */
const SLACK_MS = 400

describe('G7 one load per key in a fleet', () => {
  let server: RedisServer
  let source: RedisServer
  let fleet: readonly Child<CacheProcessCalls>[]
  const processes = new Children('cache-process')

  beforeAll(async () => {
    ;[server, source] = await Promise.all([startRedis(), startRedis()])
  })
  afterAll(() => Promise.all([server.stop(), source.stop()]))
  afterEach(() => processes.endAll())

  async function started(coherence: 'tracking' | 'pubsub', count = PROCESSES): Promise<void> {
    const settings = {
      cacheUrl: server.url,
      sourceUrl: source.url,
      redis: { coherence, leaseTime: `${LEASE_MS}ms`, responseTimeout: '5s' },
    } as const
    fleet = await Promise.all(Array.from({ length: count }, () => processes.start(settings)))
    // Connected and at work, so that what is measured is the load alone.
    const args = { key: 'first', calls: 1, loadMs: 0 }
    for (const child of fleet) await child.ask('load', args)
  }

  const loadsOf = async (key: string): Promise<number> =>
    Number(await source.command('GET', `loads:${key}`))

  it.each(['tracking', 'pubsub'] as const)(
    `${PROCESSES} processes with ${CALLS} calls each for a cold key load it once, by %s`,
    async (coherence) => {
      await started(coherence)
      for (let round = 0; round < KEYS; round += 1) {
        const key = `${coherence}${round}`
        await source.command('SET', `value:${key}`, 42)
        const all = await Promise.all(
          fleet.map((child) => child.ask('load', { key, calls: CALLS, loadMs: LOAD_MS })),
        )
        expect(await loadsOf(key)).toBe(1)
        for (const { values } of all) expect(values).toEqual([42])
      }
      for (const child of fleet) expect(await child.close()).toBe(0)
    },
  )

  it.each(['tracking', 'pubsub'] as const)(
    'when its holder is killed one other loads it, and nobody waits longer than the lease and the load, by %s',
    async (coherence) => {
      await started(coherence, 4)
      const key = `killed-${coherence}`
      await source.command('SET', `value:${key}`, 42)
      const args = { key, calls: 100, loadMs: LOAD_MS, firstLoadMs: 60_000 }
      const calls = fleet.map((child) =>
        child.ask('load', args).catch((error: unknown) => String(error)),
      )
      const holder = await until('somebody loads', async () => {
        const pid = await source.command('GET', `loader:${key}`)
        return pid === null ? undefined : Number(pid)
      })
      // He holds it for longer than one lease lasts, and nobody else begins.
      await expect.poll(() => loadsOf(key), { interval: 50, timeout: 3 * LEASE_MS }).toBe(1)
      const held = await server.command('PTTL', `killed-${coherence}`)
      expect(Number(held)).toBeLessThanOrEqual(LEASE_MS)
      const killedAt = performance.now()
      fleet.find(({ pid }) => pid === holder)?.signal('SIGKILL')
      const answers = await Promise.all(calls)
      const waitedMs = performance.now() - killedAt
      expect(await loadsOf(key)).toBe(2)
      const left = answers.filter((answer) => typeof answer !== 'string')
      expect(left).toHaveLength(fleet.length - 1)
      for (const { values } of left) expect(values).toEqual([42])
      expect(waitedMs).toBeLessThan(LEASE_MS + LOAD_MS + SLACK_MS)
    },
  )

  it('a load that takes longer than its lease keeps it, and stays the only one', async () => {
    await started('tracking', 3)
    const key = 'long'
    await source.command('SET', `value:${key}`, 42)
    const args = { key, calls: 10, loadMs: 3 * LEASE_MS }
    await Promise.all(fleet.map((child) => child.ask('load', args)))
    expect(await loadsOf(key)).toBe(1)
  })

  it.each([
    ['and is loaded once', [], 1],
    ['and is noticed here to be loaded by each without leases', ['lease'] as const, 2],
  ] as const)('a cold key is asked for by two at once, %s', async (_, without, loads) => {
    const caches = new Caches()
    const both = [caches.open(server.url, { without }), caches.open(server.url, { without })]
    for (const cache of both) await cache.getOrLoad('first', () => 0)
    let count = 0
    const load = async (): Promise<number> => {
      count += 1
      await until('both have asked', () => both.every((cache) => cache.stats().misses > 1), {
        within: '200ms',
      }).catch(() => undefined)
      return 42
    }
    await Promise.all(both.map((cache) => cache.getOrLoad(`at once ${loads}`, load)))
    expect(count).toBe(loads)
    await caches.closeAll()
  })

  it.each([
    ['in a namespace that nobody has used', []],
    ['with a tag that nobody has used', ['tag']],
  ] as const)(
    'a cold key is loaded once by two who come at the same time, one of them on a slow line, %s',
    async (_, tags) => {
      const caches = new Caches()
      const proxy = await faultProxy(server)
      const counts: number[] = []
      for (let round = 0; round < 10; round += 1) {
        let count = 0
        const load = async (): Promise<number> => {
          count += 1
          await turn()
          return 42
        }
        const cache = { namespace: `${tags.length}-${round}` }
        const both = [caches.open(server.url, { cache }), caches.open(proxy, { cache })]
        await Promise.all(both.map((each) => each.ready()))
        if (tags.length > 0) for (const each of both) await each.getOrLoad('first', () => 0)
        // One learns what was there before only when the other has loaded already.
        await proxy.set({ delay: '20ms' })
        const values = await Promise.all(both.map((each) => each.getOrLoad('k', load, { tags })))
        await proxy.set('pass')
        expect(values).toEqual([42, 42])
        counts.push(count)
        await caches.closeAll()
      }
      await proxy.close()
      expect(counts).toEqual(counts.map(() => 1))
    },
  )
})

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
