import {
  type FaultProxy,
  faultProxy,
  machineTime,
  type RedisServer,
  startRedis,
  until,
} from '@hitbox/testing'
import type { Cache } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import { Children } from './support/children.ts'
import { Caches } from './support/caches.ts'
import { isPush, wireProxy } from './support/wire-proxy.ts'

const MAX_STALE_MS = 300
const WITHHELD_MS = amount(2_000, 10_000)
const STOPPED_MS = amount(1_000, 5_000)

/** What a reader saw of a key that another changed. */
interface Watch {
  readonly reads: number
  /** How long the oldest of what was read had been replaced already when it was asked for, in ms. */
  readonly oldestMs: number
}

describe('G2 bounded staleness', () => {
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
  })

  const redis = { maxStale: `${MAX_STALE_MS}ms`, responseTimeout: '200ms' } as const

  /** Changes a key again and again, and has the other read it all the while. */
  async function watch(reader: Cache<number>, writer: Cache<number>, key: string): Promise<Watch> {
    const acknowledged: number[] = []
    let reads = 0
    let oldestMs = 0
    const end = machineTime() + WITHHELD_MS
    const write = async (): Promise<void> => {
      while (machineTime() < end) {
        const version = acknowledged.length
        await writer.set(key, version)
        acknowledged.push(machineTime())
        await tick()
      }
    }
    const read = async (): Promise<void> => {
      while (machineTime() < end) {
        const begun = machineTime()
        // What the source has now: what was acknowledged last.
        const version = await reader.getOrLoad(key, () => acknowledged.length - 1)
        const replacedAt = acknowledged[version + 1] ?? Number.POSITIVE_INFINITY
        oldestMs = Math.max(oldestMs, begun - replacedAt)
        reads += 1
        await tick()
      }
    }
    await writer.set(key, 0)
    acknowledged.push(machineTime())
    await reader.get(key)
    await Promise.all([write(), read()])
    return { reads, oldestMs }
  }

  async function hitsAgain(reader: Cache<number>, key: string): Promise<void> {
    await until(
      'hits come from memory again',
      async () => {
        const { context } = await reader.get.withContext(key)
        return context.source.endsWith('.memory')
      },
      { within: '5s' },
    )
  }

  async function proxied(): Promise<{
    reader: Cache<number>
    writer: Cache<number>
    proxy: FaultProxy
  }> {
    const proxy = await faultProxy(server)
    const reader = caches.open(proxy, { redis })
    const writer = caches.open(server.url, { redis: { responseTimeout: '10s' } })
    return { reader, writer, proxy }
  }

  it.each([
    ['nothing arrives from the server', { stall: 'to-client' }],
    ['nothing arrives at the server', { stall: 'to-server' }],
    ['nothing arrives either way', 'black-hole'],
  ] as const)(
    `no read is older than maxStale while ${WITHHELD_MS} ms long %s, and memory is used again afterwards`,
    async (_, fault) => {
      const { reader, writer, proxy } = await proxied()
      await writer.set('k', 0)
      await reader.get('k')
      await hitsAgain(reader, 'k')
      await proxy.set(fault)
      const { reads, oldestMs } = await watch(reader, writer, 'k')
      await proxy.set('pass')
      expect(reads).toBeGreaterThan(5)
      expect(oldestMs).toBeLessThan(MAX_STALE_MS)
      await hitsAgain(reader, 'k')
      await proxy.close()
    },
  )

  it('is noticed here when copies are believed however long nothing was heard', async () => {
    const proxy = await faultProxy(server)
    const reader = caches.open(proxy, { redis, without: ['fence'] })
    const writer = caches.open(server.url, { redis: { responseTimeout: '10s' } })
    await writer.set('believed', 0)
    await reader.get('believed')
    await proxy.set({ stall: 'to-client' })
    const { oldestMs } = await watch(reader, writer, 'believed')
    expect(oldestMs).toBeGreaterThan(MAX_STALE_MS)
    await proxy.close()
  })

  it(`no read is older than maxStale while ${WITHHELD_MS} ms long everything arrives but what the server tells unasked`, async () => {
    await using proxy = await wireProxy(server)
    const reader = caches.open(proxy, { redis })
    const writer = caches.open(server.url, { redis: { responseTimeout: '10s' } })
    await writer.set('pushes', 0)
    await reader.get('pushes')
    await hitsAgain(reader, 'pushes')
    proxy.rewrite = (frame) => (isPush(frame) ? undefined : frame)
    const { reads, oldestMs } = await watch(reader, writer, 'pushes')
    proxy.rewrite = undefined
    expect(reads).toBeGreaterThan(5)
    expect(oldestMs).toBeLessThan(MAX_STALE_MS)
    await hitsAgain(reader, 'pushes')
  })

  it(`the first read of a process that was stopped for ${STOPPED_MS} ms does not come from its memory`, async () => {
    const settings = {
      cacheUrl: server.url,
      sourceUrl: source.url,
      redis: { maxStale: '300ms' },
    } as const
    const child = await processes.start(settings)
    const writer = caches.open(server.url)
    const rounds = amount(3, 10)
    for (let round = 0; round < rounds; round += 1) {
      await writer.set('k', 2 * round)
      await until('it has a copy', async () => {
        const { value, source } = await child.ask('get', { key: 'k' })
        return value === 2 * round && source.endsWith('.memory')
      })
      child.signal('SIGSTOP')
      await writer.set('k', 2 * round + 1)
      // It finds the question when it wakes, beside what the server has told.
      const first = child.ask('get', { key: 'k' })
      await pause(STOPPED_MS)
      child.signal('SIGCONT')
      const { value, source } = await first
      expect(source.endsWith('.memory')).toBe(false)
      expect(value).toBe(2 * round + 1)
    }
    expect(await child.close()).toBe(0)
  })

  it('a read right after the event loop was blocked for longer than maxStale does not come from memory', async () => {
    const settings = {
      cacheUrl: server.url,
      sourceUrl: source.url,
      redis: { maxStale: '300ms' },
    } as const
    const child = await processes.start(settings)
    const writer = caches.open(server.url)
    for (let round = 0; round < 3; round += 1) {
      await writer.set('k', 2 * round)
      await until('it has a copy', async () => {
        const { value, source } = await child.ask('get', { key: 'k' })
        return value === 2 * round && source.endsWith('.memory')
      })
      const blocked = child.ask('blockAndGet', { key: 'k', ms: 2 * MAX_STALE_MS })
      await writer.set('k', 2 * round + 1)
      const { value, source } = await blocked
      expect(source.endsWith('.memory')).toBe(false)
      expect(value).toBe(2 * round + 1)
    }
    expect(await child.close()).toBe(0)
  })
})

/** Lets the event loop turn, so that others are served. */
function tick(): Promise<void> {
  return pause(2)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
