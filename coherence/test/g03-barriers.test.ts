import { type FaultProxy, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import type { Cache, Fresh } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import { Caches, type Setup } from './support/caches.ts'

const ROUNDS = amount(2_000, 10_000)
const READERS = 200

describe('G3 reads that demand what was acknowledged', () => {
  let server: RedisServer
  const caches = new Caches()

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(() => caches.closeAll())

  /**
   * One changes, is acknowledged, and asks the other at once, who has a copy.
   *
   * @returns how often the answer was old.
   */
  async function askedAtOnce(
    demand: (token: string) => Fresh | undefined,
    setup: Setup = {},
  ): Promise<number> {
    const redis = { responseTimeout: '10s' } as const
    const a = caches.open(server.url, { ...setup, redis, cache: { tierTimeout: '20s' } })
    const b = caches.open(server.url, { ...setup, redis, cache: { tierTimeout: '20s' } })
    await Promise.all([a.ready(), b.ready()])
    let version = 0
    let old = 0
    for (let round = 0; round < ROUNDS; round += 1) {
      const key = `k${round % 16}`
      await b.getOrLoad(key, () => version)
      version += 1
      const { token } = await (round % 2 === 0 ? a.delete(key) : a.set(key, version))
      const read = await b.getOrLoad(key, () => version, { fresh: demand(token) })
      if (read < version) old += 1
    }
    return old
  }

  it(`with 'barrier': none of ${ROUNDS} that follow an acknowledged change at once is old`, async () => {
    expect(await askedAtOnce(() => 'barrier')).toBe(0)
  })

  it(`with the token of the change: none of ${ROUNDS} is old`, async () => {
    expect(await askedAtOnce((token) => token)).toBe(0)
  })

  it(`without a demand: some of ${ROUNDS} are old, so this would notice`, async () => {
    expect(await askedAtOnce(() => undefined)).toBeGreaterThan(ROUNDS / 100)
  })

  it(`with 'barrier' where nobody waits for what is told: some of ${ROUNDS} are old`, async () => {
    const setup = { without: ['fence'] } as const
    expect(await askedAtOnce(() => 'barrier', setup)).toBeGreaterThan(ROUNDS / 100)
  })

  describe('cost', () => {
    /** A reader with copies of its own of all keys, and what it sends. No pulse of its own falls into a test. */
    async function reader(): Promise<{ cache: Cache<number>; proxy: FaultProxy; keys: string[] }> {
      const proxy = await faultProxy(server)
      const cache = caches.open(proxy, { redis: { maxStale: '5m' } })
      const keys = Array.from({ length: READERS }, (_, index) => `cost${index}`)
      for (const key of keys) await cache.getOrLoad(key, () => 1)
      await until('all have copies', () => keys.every((key) => cache.peek(key) === 1))
      await cache.get(keys[0] as string, { fresh: 'barrier' })
      proxy.resetStats()
      return { cache, proxy, keys }
    }

    it(`${READERS} barrier reads of one tick are one write on the wire`, async () => {
      const { cache, proxy, keys } = await reader()
      const values = await Promise.all(keys.map((key) => cache.get(key, { fresh: 'barrier' })))
      expect(values).toEqual(keys.map(() => 1))
      expect(proxy.stats().writes).toBe(1)
      // And they were answered from memory.
      expect(proxy.stats().commandNames['get']).toBeUndefined()
      await proxy.close()
    })

    it(`a batch with ${READERS} keys that demands it is one write on the wire`, async () => {
      const { cache, proxy, keys } = await reader()
      const values = await cache.getMany(keys, { fresh: 'barrier' })
      expect(values).toEqual(keys.map(() => 1))
      expect(proxy.stats().writes).toBe(1)
      await proxy.close()
    })

    it('a token of what is known here already costs nothing', async () => {
      const { cache, proxy, keys } = await reader()
      const writer = caches.open(server.url)
      const { token } = await writer.set('elsewhere', 1)
      const [key] = keys as [string]
      // Here it is known once anything was waited for that came later.
      await until('the token is known', async () => {
        await cache.get(key, { fresh: 'barrier' })
        proxy.resetStats()
        expect(await cache.get(key, { fresh: token })).toBe(1)
        return proxy.stats().writes === 0
      })
      for (const known of keys) expect(await cache.get(known, { fresh: token })).toBe(1)
      expect(proxy.stats().writes).toBe(0)
      await proxy.close()
    })

    it('a token of what is not known here costs one write', async () => {
      const { cache, proxy, keys } = await reader()
      const writer = caches.open(server.url)
      const { token } = await writer.set('elsewhere', 1)
      proxy.resetStats()
      await Promise.all(keys.map((key) => cache.get(key, { fresh: token })))
      expect(proxy.stats().writes).toBe(1)
      await proxy.close()
    })
  })
})
