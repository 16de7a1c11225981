import { type Clock, systemClock } from '@hitbox/core'
import { deferred, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import type { Cache } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import { Caches, type Setup } from './support/caches.ts'

const ENTRIES = amount(100_000, 1_000_000)
const BATCH = 2_000
const HOUR_MS = 3_600_000
const MOST_SERVER_MS = 5

describe('G11 tags', () => {
  let server: RedisServer
  const caches = new Caches()
  const stops: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  const end = async (): Promise<void> => {
    await caches.closeAll()
    for (const stop of stops.splice(0)) await stop()
    await server.command('FLUSHALL')
  }
  afterEach(end)

  /** No pulse of its own falls into a test. */
  const opened = (setup: Setup = {}): Cache<number> =>
    caches.open(server.url, {
      redis: { maxStale: '5m', responseTimeout: '30s' },
      cache: { tierTimeout: '60s' },
      ...setup,
    })

  async function fill(tag: string, entries: number): Promise<void> {
    const writer = opened({ memory: false })
    for (let first = 0; first < entries; first += BATCH) {
      const size = Math.min(BATCH, entries - first)
      const batch = Array.from(
        { length: size },
        (_, index) => [`${tag}:${first + index}`, 1] as const,
      )
      await writer.setMany(batch, { tags: [tag] })
    }
    await caches.close(writer)
  }

  /** Commands that something costs, and the time that they take in the server. */
  async function costOf(
    run: () => Promise<unknown>,
  ): Promise<{ commands: Record<string, number>; ms: number }> {
    const before = await statistics(server)
    await run()
    const after = await statistics(server)
    const commands: Record<string, number> = {}
    let ms = 0
    for (const [name, { calls, usec }] of Object.entries(after)) {
      if (name === 'info') continue
      const made = calls - (before[name]?.calls ?? 0)
      if (made > 0) commands[name] = made
      ms += (usec - (before[name]?.usec ?? 0)) / 1_000
    }
    return { commands, ms }
  }

  it(`ending a tag of ${ENTRIES} values costs what ending one of 10 costs, and less than ${MOST_SERVER_MS} ms of the server`, async () => {
    await fill('few', 10)
    await fill('many', ENTRIES)
    const reader = opened()
    const cache = opened()
    // Both have seen the tags, and the other has copies.
    for (const tag of ['few', 'many'])
      for (let index = 0; index < 10; index += 1) {
        expect(await cache.get(`${tag}:${index}`)).toBe(1)
        expect(await reader.get(`${tag}:${index}`)).toBe(1)
      }
    const few = await costOf(() => cache.invalidateTags('few'))
    const many = await costOf(() => cache.invalidateTags('many'))
    expect(many.commands).toEqual(few.commands)
    const total = Object.values(many.commands).reduce((sum, calls) => sum + calls, 0)
    expect(total).toBeLessThanOrEqual(16)
    expect(many.ms).toBeLessThan(MOST_SERVER_MS)

    // And all of them are over, for both.
    const ends = Array.from(
      { length: 100 },
      (_, index) => `many:${Math.floor((index * ENTRIES) / 100)}`,
    )
    for (const each of [cache, reader]) {
      const found = await each.getMany(ends, { fresh: 'barrier' })
      expect(found).toEqual(ends.map(() => undefined))
    }
  })

  it.each([
    ['of clocks that agree', 0, 0],
    ['of clocks that are two hours apart', -HOUR_MS, HOUR_MS],
    ['of clocks that are two hours apart, the other way round', HOUR_MS, -HOUR_MS],
  ])(
    'a load that began before its tag ended is not stored, between processes %s',
    async (_, aMs, bMs) => {
      const [a, b] = [opened({ clock: skewed(aMs) }), opened({ clock: skewed(bMs) })]
      for (const [key, held] of [
        ['cold', false],
        ['there', true],
      ] as const) {
        const options = { tags: ['tag', `tag of ${key}`] }
        if (held) {
          await a.set(key, 1, { ...options, staleAfter: 0 })
          expect(await b.get(key)).toBe(1)
        }
        const begun = deferred()
        const gate = deferred()
        const load = a.getOrLoad(
          key,
          async () => {
            begun.resolve()
            await gate.promise
            return 1
          },
          options,
        )
        await begun.promise
        await b.invalidateTags(`tag of ${key}`)
        gate.resolve()
        await load
        const strong = { ...options, fresh: 'barrier' } as const
        for (const cache of [a, b])
          expect(await cache.get(key, { fresh: 'barrier' })).toBeUndefined()
        for (const cache of [a, b]) expect(await cache.getOrLoad(key, () => 2, strong)).toBe(2)
        for (const cache of [a, b]) expect(await cache.getOrLoad(key, () => 3, options)).toBe(2)
      }
    },
  )

  /** A load in one process that names its tag only while it runs, and the other that ends that tag meanwhile. */
  async function named(): Promise<{
    a: Cache<number>
    b: Cache<number>
    slow: (ms: number) => Promise<void>
    load: Promise<number>
    open: () => void
  }> {
    const proxy = await faultProxy(server)
    stops.push(() => proxy.close())
    const a = caches.open(proxy, { redis: { maxStale: '5m' } })
    const b = opened()
    const begun = deferred()
    const gate = deferred()
    const load = a.getOrLoad('late', async ({ setTags }) => {
      setTags('late tag')
      begun.resolve()
      await gate.promise
      return 1
    })
    await begun.promise
    await b.invalidateTags('late tag')
    return { a, b, slow: (ms) => proxy.set({ delay: `${ms}ms` }), load, open: gate.resolve }
  }

  const strong = { fresh: 'barrier' } as const

  /** In as many orders of what is told and what is answered as come by. */
  const rounds = amount(10, 100)

  it('a load that named its tag while it ran is not stored when that ended meanwhile', async () => {
    const { a, b, load, open } = await named()
    open()
    await load
    await until('it is over', () => a.stats().inFlight === 0)
    for (const cache of [a, b]) expect(await cache.get('late', strong)).toBeUndefined()
  })

  it.each([
    ['and', 0],
    ['and, on a slow line,', 20],
  ])(
    `%s answers nobody who comes after that while it is still to be stored, ${rounds} times`,
    async (_, lateMs) => {
      const found: (number | undefined)[] = []
      for (let round = 0; round < rounds; round += 1) {
        const { a, b, slow, load, open } = await named()
        if (lateMs > 0) await slow(lateMs)
        open()
        await load
        for (const cache of [a, b]) found.push(await cache.get('late', strong))
        await end()
      }
      expect(found).toEqual(found.map(() => undefined))
    },
  )

  it(`nor while it still runs, ${rounds} times`, async () => {
    const found: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      const { a, load, open } = await named()
      const after = a.getOrLoad('late', () => 2, strong)
      // It has passed its barrier, and either waits for the old load or has begun its own.
      await a.get('another', strong)
      open()
      await load
      found.push(await after)
      await end()
    }
    expect(found).toEqual(found.map(() => 2))
  })
})

async function statistics(
  server: RedisServer,
): Promise<Record<string, { calls: number; usec: number }>> {
  const text = String(await server.command('INFO', 'commandstats'))
  const found = text.matchAll(/^cmdstat_([^:]+):calls=(\d+),usec=(\d+)/gm)
  return Object.fromEntries(
    Array.from(found, ([, name, calls, usec]) => [
      name,
      { calls: Number(calls), usec: Number(usec) },
    ]),
  )
}

function skewed(offMs: number): Clock {
  return {
    now: () => systemClock.now() + offMs,
    recent: () => systemClock.recent() + offMs,
    setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs),
  }
}
