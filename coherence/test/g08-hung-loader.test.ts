import { deferred, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import { Children } from './support/children.ts'
import { Caches } from './support/caches.ts'

const HARD_TIMEOUT_MS = 300
const LEASE_MS = 400
const KEYS = amount(2_000, 10_000)
const SLACK_MS = 300

describe('G8 a loader that never settles', () => {
  let server: RedisServer
  let source: RedisServer
  const caches = new Caches()
  const processes = new Children('cache-process')

  beforeAll(async () => {
    ;[server, source] = await Promise.all([startRedis(), startRedis()])
  })
  afterAll(() => Promise.all([server.stop(), source.stop()]))
  afterEach(async () => {
    await caches.closeAll()
    await processes.endAll()
    await server.command('FLUSHALL')
  })

  const setup = {
    redis: { leaseTime: `${LEASE_MS}ms` },
    cache: { hardTimeout: `${HARD_TIMEOUT_MS}ms` },
  } as const

  const hangs = (): Promise<number> => new Promise(() => {})

  it('fails its callers at hardTimeout, and the next one loads anew', async () => {
    const cache = caches.open(server.url, setup)
    for (let round = 0; round < 3; round += 1) {
      const begun = performance.now()
      const calls = await Promise.allSettled([
        cache.getOrLoad('k', hangs),
        cache.getOrLoad('k', hangs),
      ])
      expect(performance.now() - begun).toBeLessThan(HARD_TIMEOUT_MS + SLACK_MS)
      for (const call of calls)
        expect(call).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT' } })
    }
    const begun = performance.now()
    expect(await cache.getOrLoad('k', () => 2)).toBe(2)
    expect(performance.now() - begun).toBeLessThan(SLACK_MS)
    await until('it is stored', () => cache.stats().inFlight === 0)
  })

  it('does not keep another process waiting for longer than hardTimeout', async () => {
    const cache = caches.open(server.url, setup)
    const other = caches.open(server.url, { ...setup, cache: { hardTimeout: '30s' } })
    await other.ready()
    const loading = deferred()
    const hung = cache.getOrLoad('k', () => {
      loading.resolve()
      return hangs()
    })
    await loading.promise
    const begun = performance.now()
    const waiting = other.getOrLoad('k', () => 2)
    await expect(hung).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await waiting).toBe(2)
    expect(performance.now() - begun).toBeLessThan(HARD_TIMEOUT_MS + SLACK_MS)
    expect(await cache.getOrLoad('k', () => 3, { fresh: 'barrier' })).toBe(2)
  })

  it('gives its lease back, and what it gives in the end is not stored', async () => {
    const cache = caches.open(server.url, setup)
    const other = caches.open(server.url, setup)
    let late: (value: number) => void = () => {}
    const hung = cache.getOrLoad('k', () => new Promise<number>((resolve) => (late = resolve)))
    await expect(hung).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await other.getOrLoad('k', () => 2)).toBe(2)
    late(1)
    await until('it is stored', async () => (await cache.get('k', { fresh: 'barrier' })) === 2)
    expect(await other.get('k', { fresh: 'barrier' })).toBe(2)
  })

  it(`${KEYS} keys of such loads leave the heap flat, nothing under way, and no lease for longer than leaseTime`, async () => {
    const child = await processes.start({
      cacheUrl: server.url,
      sourceUrl: source.url,
      redis: setup.redis,
      hardTimeoutMs: HARD_TIMEOUT_MS,
    })
    const batch = { keys: KEYS / 2, atOnce: 500 }
    // The first lot warms up what grows once.
    await child.ask('hang', { ...batch, prefix: 'hung-first-' })
    const before = await child.ask('usage', null)
    const { codes, longestMs } = await child.ask('hang', { ...batch, prefix: 'hung-' })
    const after = await child.ask('usage', null)
    expect(codes).toEqual({ TIMEOUT: batch.keys })
    // 500 calls at once are a burst for a busy machine.
    expect(longestMs).toBeLessThan(HARD_TIMEOUT_MS + 4 * SLACK_MS)
    expect(after.inFlight).toBe(0)
    // A loader that hangs keeps its own promise and closure, about a hundred bytes; a flight would be thousands.
    expect((after.heapBytes - before.heapBytes) / batch.keys).toBeLessThan(500)
    await until(
      'no lease is left',
      async () => ((await server.command('KEYS', '*hung*')) as string[]).length === 0,
      { within: `${LEASE_MS + SLACK_MS}ms` },
    )
    expect(await child.close()).toBe(0)
  })
})
