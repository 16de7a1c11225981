import {
  type FaultProxy,
  faultProxy,
  type RedisCluster,
  startRedisCluster,
  until,
} from '@hitbox/testing'
import { memoryBackend } from '@hitbox/memory'
import { cluster as clusterOf, redisBackend } from '@hitbox/redis'
import { type Cache, createCache, type HitboxEvent } from 'hitbox'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const KEYS = 1_000
const PRIMARIES = 3
const CHUNK_BYTES = 65_536

describe('G12 a batch is one round trip to each node', () => {
  let cluster: RedisCluster
  let proxies: readonly FaultProxy[]
  let cache: Cache<number>
  const events: HitboxEvent[] = []
  const keys = (name: string): string[] =>
    Array.from({ length: KEYS }, (_, index) => `${name}:${index}`)

  beforeAll(async () => {
    cluster = await startRedisCluster({ primaries: PRIMARIES, replicas: 0 })
    proxies = await Promise.all(cluster.nodes.map((node) => faultProxy(node)))
    // The nodes send clients to the proxies that stand before them.
    await Promise.all(
      cluster.nodes.map((node, index) =>
        node.command('CONFIG', 'SET', 'cluster-announce-port', (proxies[index] as FaultProxy).port),
      ),
    )
    await until('all nodes know it', async () => {
      const views = await Promise.all(cluster.nodes.map((node) => node.command('CLUSTER', 'NODES')))
      return views.every((view) => proxies.every(({ port }) => String(view).includes(`:${port}@`)))
    })
    const onEvent = (event: HitboxEvent): void => void events.push(event)
    cache = createCache<number>({
      // No pulse of its own falls into a test.
      tiers: [
        memoryBackend({ maxEntries: 100 }),
        redisBackend({
          connection: clusterOf(proxies.map(({ host, port }) => ({ host, port }))),
          maxStale: '5m',
          responseTimeout: '10s',
          onEvent,
        }),
      ],
      ttl: '10m',
      tierTimeout: '20s',
      onEvent,
    })
    await cache.ready()
    // What is asked for once: versions, and the names of scripts.
    await cache.getOrLoadMany(keys('first'), (missing) => missing.map(() => 1))
    await until('it is stored', () => cache.stats().inFlight === 0)
  })
  afterAll(async () => {
    await cache.close()
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await cluster.stop()
  })

  /** How many writes each node is sent meanwhile. One that is larger than a chunk of the wire counts as one all the same. */
  async function sent(run: () => Promise<unknown>): Promise<readonly number[]> {
    for (const proxy of proxies) proxy.resetStats()
    await run()
    return proxies.map((proxy) => {
      const { writes, bytesToServer } = proxy.stats()
      return writes - Math.floor(bytesToServer / CHUNK_BYTES)
    })
  }

  const noErrors = (): void => {
    expect(events.filter(({ type }) => type === 'error')).toEqual([])
  }

  it(`getMany of ${KEYS} keys is one write to each of ${PRIMARIES} nodes`, async () => {
    await cache.setMany(keys('there').map((key, index) => [key, index] as const))
    let values: readonly unknown[] = []
    const writes = await sent(async () => {
      values = await cache.getMany(keys('there'))
    })
    expect(values).toEqual(keys('there').map((_, index) => index))
    expect(writes).toEqual([1, 1, 1])
    noErrors()
  })

  it(`setMany and deleteMany of ${KEYS} keys likewise`, async () => {
    const entries = keys('changed').map((key) => [key, 1] as const)
    expect(await sent(() => cache.setMany(entries))).toEqual([1, 1, 1])
    expect(await sent(() => cache.deleteMany(keys('changed')))).toEqual([1, 1, 1])
    expect(await cache.getMany(keys('changed'))).toEqual(entries.map(() => undefined))
    noErrors()
  })

  it(`${KEYS} keys of which half are missing are loaded in one call, with a question, a lease and a store to each node`, async () => {
    const all = keys('mixed')
    const half = all.filter((_, index) => index % 2 === 0)
    await cache.setMany(half.map((key) => [key, 1] as const))
    const asked: string[][] = []
    let values: readonly number[] = []
    const writes = await sent(async () => {
      values = await cache.getOrLoadMany(all, (missing) => {
        asked.push([...missing])
        return missing.map(() => 2)
      })
      await until('all is stored', () => cache.stats().inFlight === 0)
    })
    expect(asked.map(({ length }) => length)).toEqual([KEYS / 2])
    expect(new Set(asked[0])).toEqual(new Set(all.filter((_, index) => index % 2 === 1)))
    expect(values).toEqual(all.map((_, index) => 1 + (index % 2)))
    for (const count of writes) expect(count).toBeLessThanOrEqual(3)
    expect(await cache.getMany(all)).toEqual(values)
    noErrors()
  })

  it('one item that fails does not fail the others', async () => {
    const all = keys('failing')
    const load = (missing: readonly string[]): (number | Error)[] =>
      missing.map((key) => (key === 'failing:7' ? new Error('not this one') : 1))
    const results = await cache.getOrLoadMany.settled(all, load)
    expect(results.filter(({ ok }) => ok)).toHaveLength(KEYS - 1)
    expect(results[7]).toMatchObject({ ok: false, error: { message: 'not this one' } })
    await until('the others are stored', () => cache.stats().inFlight === 0)
    const stored = await cache.getMany(all)
    expect(stored.filter((value) => value === 1)).toHaveLength(KEYS - 1)
    expect(stored[7]).toBeUndefined()
    await expect(cache.getOrLoadMany(['failing:7', 'failing:8'], load)).rejects.toThrow(
      'not this one',
    )
    noErrors()
  })

  it('nothing of it was refused for keys of several slots, and nothing was sent to the wrong node', async () => {
    for (const node of cluster.nodes) {
      const errors = String(await node.command('INFO', 'errorstats'))
      expect(errors).not.toContain('CROSSSLOT')
      expect(errors).not.toContain('MOVED')
    }
  })
})
