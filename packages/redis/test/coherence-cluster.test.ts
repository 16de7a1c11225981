import { urlEncoded } from '@hitbox/core'
import { type RedisCluster, type RedisServer, startRedisCluster, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { keySlot } from '../src/cluster/key-slot.ts'
import { probeTag } from '../src/cluster/probe-tag.ts'
import { cluster, type RedisBackendOptions } from '../src/index.ts'
import type { RedisStore } from '../src/store.ts'
import { dataOf, entry, feedOf, type Heard, leasesOf, listening, Stores } from './stores.ts'
import { codeOf } from './support.ts'

const KEYS = Array.from({ length: 30 }, (_, index) => `key:${index}`)

let group: RedisCluster
const stores = new Stores()

function open(options: Partial<RedisBackendOptions> = {}): RedisStore {
  const connection = cluster(group.nodes.map(({ url }) => url))
  return stores.open({ connection, responseTimeout: '500ms', ...options })
}

/** A store that listens, and is connected to all primaries. */
async function everywhere(options: Partial<RedisBackendOptions> = {}): Promise<{
  store: RedisStore
  heard: Heard
}> {
  const store = open(options)
  const heard = await listening(store)
  await store.readMany(KEYS)
  await feedOf(store).barrier(KEYS)
  heard.told.length = 0
  return { store, heard }
}

async function primaries(): Promise<RedisServer[]> {
  return [...new Set(await Promise.all(KEYS.map((key) => group.ownerOf(key))))]
}

describe('probeTag', () => {
  it('finds a key of the node, if it has any', () => {
    const line = (slots: string): string =>
      `aa 127.0.0.1:1@2 master - 0 0 1 connected 0-16383\nbb 127.0.0.1:3@4 myself,master - 0 0 2 connected${slots}\n`
    expect(probeTag(line(''))).toBeUndefined()
    expect(probeTag(line(' [93-<-aa]'))).toBeUndefined()
    expect(probeTag(undefined)).toBeUndefined()
    const tag = probeTag(line(' 5 100-200'))
    const slot = keySlot(`{${tag}}`)
    expect(slot === 5 || (slot >= 100 && slot <= 200)).toBe(true)
  })
})

describe('coherence in a cluster', () => {
  beforeAll(async () => {
    group = await startRedisCluster({ primaries: 3, replicas: 1 })
  }, 60_000)
  beforeEach(() => group.settled(), 60_000)
  afterEach(() => stores.closeAll())
  afterAll(() => group.stop())

  it('is told by each primary', async () => {
    const { store, heard } = await everywhere()
    expect(feedOf(store).mode).toBe('tracking')
    expect(await primaries()).toHaveLength(3)
    const there = open()
    for (const key of KEYS) await there.write(key, entry(key, 'theirs'))
    await feedOf(store).barrier()
    expect(heard.told.toSorted()).toEqual(KEYS.toSorted())
    const stamp = feedOf(there).stamp()
    expect(stamp.split('.')).toHaveLength(4)
    expect(feedOf(there).stamp(['key:0']).split('.')).toHaveLength(2)
    await until('it is reached', async () => {
      await feedOf(store).barrier()
      return feedOf(store).reached(stamp)
    })
  })

  it('has a fence for each key, and that of all is the oldest', async () => {
    const { store } = await everywhere({ maxStale: '90ms' })
    const feed = feedOf(store)
    const victim = await group.ownerOf('key:0')
    const other = KEYS.find((key) => feed.fenceOf(key) !== feed.fenceOf('key:0')) as string
    victim.pause()
    try {
      const frozen = feed.fenceOf('key:0')
      await until('the others go on', () => feed.fenceOf(other) > frozen + 200)
      expect(feed.fenceOf('key:0') - frozen).toBeLessThan(100)
    } finally {
      victim.resume()
    }
  })

  it('tells that all may have changed when a primary is lost, and when there is another', async () => {
    const { store, heard } = await everywhere({ maxStale: '90ms' })
    const feed = feedOf(store)
    const key = 'key:0'
    await store.write(key, entry(key, 'old'))
    // Whoever takes over must have the entry.
    await group.settled()
    const victim = await group.ownerOf(key)
    await victim.kill()
    try {
      await until('the loss is told', () => heard.told.includes('*'))
      const frozen = feed.fence
      await until('the others are heard', () => feed.fence > frozen)
      await until(
        'there is another',
        async () => (await codeOf(() => store.read(key))) === undefined,
      )
      // A replica that took over has another epoch.
      expect((await store.read(key))?.trust).toBe('none')
      await feed.barrier([key])
    } finally {
      await victim.restart()
    }
  }, 60_000)

  it('tells that all may have changed when a slot moves away, and follows it', async () => {
    const { store, heard } = await everywhere()
    const key = 'moving'
    const storeKey = urlEncoded.encode(key)
    const slot = keySlot(storeKey)
    await store.write(key, entry(key, 'v'))
    const from = await group.ownerOf(key)
    const to = (await primaries()).find((node) => node !== from)
    if (to === undefined) throw new Error('there is no other primary')
    const [fromId, toId] = [
      String(await from.command('CLUSTER', 'MYID')),
      String(await to.command('CLUSTER', 'MYID')),
    ]
    heard.told.length = 0
    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    await from.command('MIGRATE', to.host, to.port, storeKey, 0, 1_000)
    // On its way: leases go where the key is.
    const asked = await leasesOf(store).take(key, 'anything')
    if (asked.is !== 'granted') throw new Error('it is not granted')
    for (const node of [to, from]) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    // Asked of where it was: the lease is not from there.
    expect(await leasesOf(store).fill(key, asked.lease, entry(key, 'late'))).toBe(false)
    const again = await leasesOf(store).take(key, 'anything')
    expect(heard.told).toContain('*')
    if (again.is !== 'granted') throw new Error('it is not granted')
    expect(await leasesOf(store).fill(key, again.lease, entry(key, 'new'))).toBe(true)
    expect(dataOf(key, await store.read(key))).toBe('new')
    heard.told.length = 0
    await open().remove(key)
    await feedOf(store).barrier([key])
    expect(heard.told).toEqual([key])
  }, 60_000)

  it('goes by messages where there is no tracking', async () => {
    const [here, there] = [open({ coherence: 'pubsub' }), open({ coherence: 'pubsub' })]
    const heard = await listening(here)
    await until('it is told, from wherever', async () => {
      for (const key of KEYS) await there.remove(key)
      return KEYS.every((key) => heard.told.includes(key))
    })
  })

  it('has neither feed nor leases where replicas are read', () => {
    const connection = cluster(
      group.nodes.map(({ url }) => url),
      { readFromReplicas: true },
    )
    const store = open({ connection })
    expect(store.feed).toBeUndefined()
    expect(store.leases).toBeUndefined()
    expect(() => open({ connection, coherence: 'tracking' })).toThrow('coherence')
  })
})
