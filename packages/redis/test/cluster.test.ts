import { setTimeout as sleep } from 'node:timers/promises'
import { type CacheBackend, CacheError, cacheValue, urlEncoded } from '@hitbox/core'
import {
  faultProxy,
  type RedisCluster,
  type RedisServer,
  startRedisCluster,
  until,
} from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keySlot } from '../src/cluster/key-slot.ts'
import { cluster, redisBackend, type RedisBackendOptions } from '../src/index.ts'
import { Backends, codeOf, failureOf, timed } from './support.ts'

const VALUE = cacheValue('v', { ttl: '1m', staleAfter: '30s' })
const KEYS = Array.from({ length: 60 }, (_, index) => `key:${index}`)

let group: RedisCluster
const backends = new Backends()

function connect(
  options: Partial<RedisBackendOptions> = {},
  seeds: readonly RedisServer[] = group.nodes,
): CacheBackend {
  const connection = cluster(seeds.map(({ url }) => url))
  return backends.add(redisBackend({ connection, responseTimeout: '300ms', ...options }))
}

async function isPrimary(node: RedisServer): Promise<boolean> {
  return String(await node.command('ROLE')).startsWith('master')
}

async function readsProcessed(server: RedisServer): Promise<number> {
  const text = String(await server.command('INFO', 'stats'))
  return Number(/total_reads_processed:(\d+)/.exec(text)?.[1])
}

describe('keySlot', () => {
  it('puts keys where the server does, hash tags and other alphabets included', async () => {
    await using nodes = await startRedisCluster({ primaries: 1, replicas: 0 })
    const [node] = nodes.nodes as [RedisServer]
    const keys = [
      '',
      'k',
      'user:1',
      '{user}:1',
      'a{b}c{d}',
      '{}x',
      'x{',
      '}{',
      'ключ',
      '{ж}a',
      '🦀',
    ]
    for (const key of keys) {
      expect(keySlot(key)).toBe(await node.command('CLUSTER', 'KEYSLOT', key))
      expect(keySlot(Buffer.from(key))).toBe(keySlot(key))
    }
  }, 60_000)
})

describe('redisBackend on a cluster', () => {
  beforeAll(async () => {
    group = await startRedisCluster({ primaries: 3, replicas: 1 })
  }, 60_000)
  beforeEach(() => group.settled(), 60_000)
  afterEach(() => backends.closeAll())
  afterAll(() => group.stop())

  it('finds the cluster through one node, past others that are not there or never answer', async () => {
    const [node] = group.nodes as [RedisServer]
    const silent = await faultProxy(node)
    await silent.set('black-hole')
    try {
      const good = `redis://${node.host}:${node.port}`
      const hole = `redis://${silent.host}:${silent.port}`
      const connection = cluster(['redis://127.0.0.1:1', hole, 'redis://127.0.0.1:2', hole, good])
      const backend = backends.add(redisBackend({ connection, responseTimeout: '500ms' }))
      await backend.set('k', VALUE)
      expect((await backend.get('k'))?.data).toBe('v')
    } finally {
      await silent.close()
    }
  })

  it('fails at once when no node is there', async () => {
    const connection = cluster(['redis://127.0.0.1:1', 'redis://127.0.0.1:2'])
    const backend = backends.add(redisBackend({ connection, responseTimeout: '2s' }))
    expect(await timed(() => backend.get('k'))).toBeLessThan(500)
    expect(await codeOf(() => backend.get('k'))).toBe('BACKEND_FAILED')
    expect(await codeOf(() => backend.ready({ timeout: '1s' }))).toBe('BACKEND_FAILED')
  })

  it('is ready when all primaries answer', async () => {
    await connect().ready({ timeout: '2s' })
  })

  it('writes to each node once for a batch', async () => {
    const backend = connect()
    await backend.setMany(KEYS.map((key) => [key, VALUE] as const))
    await backend.getMany(KEYS)
    const before = await Promise.all(group.nodes.map((node) => readsProcessed(node)))
    const found = await backend.getMany(KEYS)
    expect(found.every((result) => result.ok && result.value?.data === 'v')).toBe(true)
    const after = await Promise.all(group.nodes.map((node) => readsProcessed(node)))
    // One of them is the question itself; now and then a node hears from its replica or primary.
    const own = after.map((count, index) => count - (before[index] as number) - 1)
    expect(Math.max(...own)).toBeLessThanOrEqual(2)
  })

  it('fails only the items of a node that stands still, in time', async () => {
    const backend = connect()
    await backend.setMany(KEYS.map((key) => [key, VALUE] as const))
    const victim = await group.ownerOf('key:0')
    const hanging = new Set<string>()
    for (const key of KEYS) if ((await group.ownerOf(key)) === victim) hanging.add(key)
    victim.pause()
    try {
      const begun = performance.now()
      const results = await backend.getMany(KEYS)
      expect(performance.now() - begun).toBeLessThan(400)
      const failed = KEYS.filter((_, index) => results[index]?.ok === false)
      expect(new Set(failed)).toEqual(hanging)
      const codes = results.flatMap((result) =>
        result.ok ? [] : [CacheError.is(result.error) && result.error.code],
      )
      expect(new Set(codes)).toEqual(new Set(['TIMEOUT']))
    } finally {
      victim.resume()
    }
    await until('all keys are there again', async () => {
      const results = await backend.getMany(KEYS)
      return results.every((result) => result.ok)
    })
  }, 60_000)

  it.for(['freeze', 'kill'] as const)(
    'serves the first operation after a failover: %s',
    { timeout: 60_000 },
    async (how) => {
      // A replica that takes over vouches for nothing that it was not told itself.
      const backend = connect({ epoch: 'ignore' })
      const key = 'failover'
      await backend.set(key, VALUE)
      await backend.get(key)
      // Whoever takes over must have the value.
      await group.settled()
      const victim = await group.ownerOf(key)
      if (how === 'freeze') victim.pause()
      else await victim.kill()
      try {
        await until('there is another primary', async () => (await group.ownerOf(key)) !== victim)
        // Nothing was asked of the backend meanwhile: it still knows the old one only.
        expect((await backend.get(key))?.data).toBe('v')
        await backend.set(key, VALUE)
        // A node that has not heard of it yet says of all keys that the cluster is down.
        await group.settled()
        const results = await backend.getMany(KEYS)
        expect(results.filter((result) => !result.ok)).toEqual([])
      } finally {
        if (how === 'freeze') victim.resume()
        else await victim.restart()
      }
    },
  )

  it('finds a new primary of which the others do not know yet', async () => {
    await using nodes = await startRedisCluster({ primaries: 3, replicas: 1 })
    const key = 'unheard-of'
    const victim = await nodes.ownerOf(key)
    const primaries = nodes.nodes.slice(0, 3)
    const heir = nodes.nodes[3 + primaries.indexOf(victim)] as RedisServer
    const backend = connect({ epoch: 'ignore', responseTimeout: '2s' }, [heir])
    await backend.setMany([key, ...KEYS].map((each) => [each, VALUE] as const))
    await nodes.settled()
    const heirId = String(await heir.command('CLUSTER', 'MYID'))
    // Who has forgotten a node does not listen to what it says of itself.
    for (const primary of primaries) {
      if (primary !== victim) await primary.command('CLUSTER', 'FORGET', heirId)
    }
    await victim.kill()
    // The loss itself is a reason to ask, and the next question has to keep a distance.
    await sleep(300)
    await heir.command('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await until('it has taken over', () => isPrimary(heir))
    expect((await backend.get(key))?.data).toBe('v')
  }, 60_000)

  it('believes nothing that a replica said of itself once it has taken over', async () => {
    const connection = cluster(
      group.nodes.map(({ url }) => url),
      { readFromReplicas: true },
    )
    const backend = connect({ connection, responseTimeout: '2s' })
    const key = 'vouched-for'
    const slot = keySlot(key)
    let beside = 0
    while (keySlot(`beside-${beside}`) !== slot) beside += 1
    await backend.set(key, VALUE)
    const owner = await group.ownerOf(key)
    const shard: RedisServer[] = []
    for (const node of group.nodes) {
      if (String(await node.command('ROLE')).includes(`,${owner.port},`)) shard.push(node)
    }
    const [heir] = shard as [RedisServer]
    const reads = async (): Promise<number> => (await heir.commandCalls())['get'] ?? 0
    const before = await reads()
    await until('the replica answers', async () => {
      // Whoever loses a connection asks for the map.
      await owner.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await sleep(150)
      await failureOf(() => backend.get(key))
      return (await reads()) > before
    })
    await heir.command('CLUSTER', 'FAILOVER')
    await until('it has taken over', () => isPrimary(heir))
    await group.settled()
    // Sent to the one that was its primary, which says where it belongs now.
    await backend.delete(`beside-${beside}`)
    expect(await backend.get(key)).toBeUndefined()
  }, 60_000)

  it('settles everything in time through a failover, and fails nothing after it', async () => {
    const backend = connect()
    const key = 'through'
    await backend.set(key, VALUE)
    const victim = await group.ownerOf(key)
    victim.pause()
    let longest = 0
    let recovered = false
    try {
      await until(
        'operations succeed again',
        async () => {
          const results = await Promise.all([
            timed(() => backend.get(key)),
            timed(() => backend.set(key, VALUE)),
            timed(() => backend.getMany(KEYS)),
          ])
          longest = Math.max(longest, ...results)
          recovered = (await failureOf(() => backend.get(key))) === undefined
          return recovered
        },
        { every: '20ms' },
      )
    } finally {
      victim.resume()
    }
    expect(longest).toBeLessThan(400)
  }, 60_000)

  it.for(['string', 'hash'] as const)('follows a slot that moves, layout %s', async (layout) => {
    // The node that a key comes to vouches for nothing that another was told.
    const backend = connect({ layout, epoch: 'ignore' })
    const key = `moving-${layout}`
    const storeKey = urlEncoded.encode(key)
    const slot = keySlot(storeKey)
    await backend.set(key, VALUE)
    const from = await group.ownerOf(key)
    const living = group.nodes.filter((node) => node !== from)
    let to: RedisServer | undefined
    for (const node of living) {
      if (await isPrimary(node)) to = node
    }
    if (to === undefined) throw new Error('there is no other primary')
    const [fromId, toId] = [
      await from.command('CLUSTER', 'MYID'),
      await to.command('CLUSTER', 'MYID'),
    ]
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
    // Still here, so served here.
    expect((await backend.get(key))?.data).toBe('v')
    await from.command('MIGRATE', to.host, to.port, storeKey, 0, 1_000)
    // On its way: ASK.
    expect((await backend.get(key))?.data).toBe('v')
    const [asked] = await backend.getMany([key])
    expect(asked?.ok && asked.value?.data).toBe('v')
    await backend.set(key, cacheValue('new', { ttl: '1m', staleAfter: '5s' }))
    expect((await backend.get(key))?.data).toBe('new')
    for (const node of [to, from]) {
      await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
    }
    // There: MOVED.
    expect((await backend.get(key))?.data).toBe('new')
    const [moved] = await backend.getMany([key])
    expect(moved?.ok && moved.value?.data).toBe('new')
    expect((await backend.delete(key)).count).toBe(1)
  })

  it('reads from replicas when told to, and from primaries while none is there', async () => {
    const backend = connect({
      connection: cluster(
        group.nodes.map(({ url }) => url),
        { readFromReplicas: true },
      ),
    })
    await backend.set('k', VALUE)
    const owner = await group.ownerOf('k')
    const calls = async (): Promise<number> => {
      let sum = 0
      for (const node of group.nodes) {
        if (node === owner) continue
        sum += (await node.commandCalls())['get'] ?? 0
      }
      return sum
    }
    const before = await calls()
    await until('a replica has answered', async () => {
      expect((await backend.get('k'))?.data).toBe('v')
      return (await calls()) > before
    })
    const replicas: RedisServer[] = []
    for (const node of group.nodes) {
      if (!(await isPrimary(node))) replicas.push(node)
    }
    for (const replica of replicas) replica.pause()
    try {
      // The first read may find out; the next one knows.
      await failureOf(() => backend.get('k'))
      await until('a primary answers', async () => (await backend.get('k'))?.data === 'v')
    } finally {
      for (const replica of replicas) replica.resume()
    }
  }, 60_000)
})
