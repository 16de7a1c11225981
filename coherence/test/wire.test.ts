import { createCache, memoryBackend, type Cache } from 'hitbox'
import { redisBackend, single } from '@hitbox/redis'
import { type FaultProxy, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

interface Counted {
  readonly cache: Cache
  readonly proxy: FaultProxy
  /** A key of its own, which is in memory. */
  readonly warm: string
}

let caches = 0

/** A cache whose every write to the server is counted, and whose heartbeat is too rare to be among them. */
async function counted(): Promise<Counted> {
  const proxy = await faultProxy(redis)
  const url = `redis://${proxy.host}:${proxy.port}`
  const cache = createCache({
    ttl: '1h',
    tiers: [
      memoryBackend({ maxEntries: 1_000 }),
      redisBackend({ connection: single(url), maxStale: '60s', responseTimeout: '5s' }),
    ],
  })
  onTestFinished(async () => {
    await cache.close()
    await proxy.close()
  })
  // Connected, and the versions of the cache known.
  caches += 1
  const warm = `warm:${caches}`
  await cache.getOrLoad(warm, () => 'up')
  await until('it is stored', () => cache.stats().stores === 1)
  return { cache, proxy, warm }
}

/** Writes to the server while something is done, and until what it does behind is done. */
async function writesOf(
  proxy: FaultProxy,
  run: () => Promise<unknown>,
  done: () => boolean = () => true,
): Promise<number> {
  proxy.resetStats()
  await run()
  await until('all is done', done)
  return proxy.stats().writes
}

describe('what goes over the wire', () => {
  it('is nothing for a hit in memory', async () => {
    const { cache, proxy, warm } = await counted()
    const hits = async (): Promise<void> => {
      for (let call = 0; call < 1_000; call += 1) await cache.getOrLoad(warm, () => 'again')
    }
    expect(await writesOf(proxy, hits)).toBe(0)
  })

  it('is one write for a hit in Redis', async () => {
    const one = await counted()
    const other = await counted()
    await one.cache.set('there', 1)
    const read = (): Promise<unknown> => other.cache.getOrLoad('there', () => 2)
    expect(await writesOf(other.proxy, read)).toBe(1)
    expect(await other.cache.get('there')).toBe(1)
  })

  it('is three writes for a miss: read, lease, fill', async () => {
    const { cache, proxy, warm } = await counted()
    // Scripts are sent in full once for each server.
    await cache.getOrLoad(`before:${warm}`, () => 1)
    await until('it is stored', () => cache.stats().stores === 2)
    const miss = (): Promise<unknown> => cache.getOrLoad(`missing:${warm}`, () => 1)
    expect(await writesOf(proxy, miss, () => cache.stats().stores === 3)).toBe(3)
  })

  it('is three writes for a hundred misses of a batch', async () => {
    const { cache, proxy, warm } = await counted()
    await cache.getOrLoad(`before:${warm}`, () => 1)
    await until('it is stored', () => cache.stats().stores === 2)
    const keys = Array.from({ length: 100 }, (_, index) => `many:${index}:${warm}`)
    const misses = (): Promise<unknown> => cache.getOrLoadMany(keys, (missing) => missing)
    expect(await writesOf(proxy, misses, () => cache.stats().stores === 102)).toBe(3)
  })

  it('is one write for a delete, a set, an expire', async () => {
    const { cache, proxy, warm } = await counted()
    // Scripts are sent in full once for each server.
    await cache.expire(warm)
    expect(await writesOf(proxy, () => cache.delete(warm))).toBe(1)
    expect(await writesOf(proxy, () => cache.set(warm, 1))).toBe(1)
    expect(await writesOf(proxy, () => cache.expire(warm))).toBe(1)
  })

  it('is two writes for an invalidation of any number of tags', async () => {
    const { cache, proxy } = await counted()
    await cache.invalidateTags('before')
    expect(await writesOf(proxy, () => cache.invalidateTags('a', 'b', 'c'))).toBe(2)
  })

  it('is one write for all barrier reads of a tick, and none for a token that is known', async () => {
    const { cache, proxy, warm } = await counted()
    const barrier = { fresh: 'barrier' } as const
    const together = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 200 }, () => cache.getOrLoad(warm, () => 0, barrier)))
    expect(await writesOf(proxy, together)).toBe(1)
    const { token } = await cache.set(warm, 'newer')
    const own = { fresh: token }
    const read = (): Promise<unknown> => cache.getOrLoad(warm, () => 0, own)
    // A token names the latest that the server's time can have been. Until the server is past that, it is asked how far it has got.
    await until('the token is known', async () => (await writesOf(proxy, read)) === 0)
    const reads = async (): Promise<void> => {
      for (let call = 0; call < 100; call += 1) expect(await read()).toBe('newer')
    }
    expect(await writesOf(proxy, reads)).toBe(0)
  })
})
