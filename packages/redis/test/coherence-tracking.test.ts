import { compact, milliseconds, type StoreKey } from '@hitbox/core'
import {
  expectNoLeaks,
  type FaultProxy,
  faultProxy,
  type RedisServer,
  startRedis,
  until,
} from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisBackendOptions, single } from '../src/index.ts'
import type { RedisStore } from '../src/store.ts'
import { dataOf, entry, feedOf, Heard, listening, Stores } from './stores.ts'
import { codeOf } from './support.ts'
import { tinyProxy } from './tiny-proxy.ts'

let server: RedisServer
let proxy: FaultProxy
const stores = new Stores()

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(async () => {
  await server.command('FLUSHALL')
  proxy = await faultProxy(server)
})
afterEach(async () => {
  await stores.closeAll()
  await proxy.close()
})
afterAll(() => server.stop())

const direct = (options: Partial<RedisBackendOptions> = {}): RedisStore =>
  stores.open({ connection: single(server.url), ...options })

const proxied = (options: Partial<RedisBackendOptions> = {}): RedisStore => {
  const { host, port } = proxy
  return stores.open({ connection: single({ host, port }), ...options })
}

describe('the feed of a server that tracks', () => {
  it('tells what others write and remove, and not what is done here', async () => {
    const [here, there] = [direct(), direct()]
    const heard = await listening(here)
    expect(feedOf(here).mode).toBe('tracking')
    expect(feedOf(here).copyMs).toBe(Number.POSITIVE_INFINITY)
    await here.write('k', entry('k', 'mine'))
    await here.read('k')
    await here.remove('k')
    await here.read('k')
    await here.write('k', entry('k', 'mine again'))
    await feedOf(here).barrier()
    expect(heard.told).toEqual([])
    await there.write('k', entry('k', 'theirs'))
    await feedOf(here).barrier()
    expect(heard.told).toEqual(['k'])
    // Nobody has read it since, so nobody needs to know.
    await there.remove('k')
    await feedOf(here).barrier()
    expect(heard.told).toEqual(['k'])
    await here.read('k')
    await there.write('k', entry('k', 'theirs again'))
    await feedOf(here).barrier()
    expect(heard.told).toEqual(['k', 'k'])
  })

  it.for(['string', 'hash'] as const)(
    'goes on telling what becomes of a key that was written here and never read, layout %s',
    async (layout) => {
      const [here, there] = [direct({ layout }), direct({ layout })]
      const heard = await listening(here)
      await here.write('one', entry('one', 'mine'))
      await here.writeMany([['two', entry('two', 'mine')]])
      await there.write('one', entry('one', 'theirs'))
      await there.remove('two')
      await feedOf(here).barrier()
      expect(heard.told.toSorted()).toEqual(['one', 'two'])
    },
  )

  it.for(['write', 'remove'] as const)(
    'tells that somebody was faster than the look after a write: %s',
    async (how) => {
      const slow = await tinyProxy(server, 'nothing')
      const there = direct()
      const here = stores.open({ connection: single({ host: slow.host, port: slow.port }) })
      const heard = await listening(here)
      const { reached, go } = slow.cutBefore('*4\r\n$8\r\nGETRANGE')
      const written = here.write('k', entry('k', 'mine'))
      await reached
      await until('it is there', async () => dataOf('k', await there.read('k')) === 'mine')
      if (how === 'write') await there.write('k', entry('k', 'theirs'))
      else await there.remove('k')
      go()
      await written
      expect(heard.told).toEqual(['k'])
      await stores.closeAll()
      await slow.close()
    },
  )

  it('tells of expiry, and of the end of everything', async () => {
    const [here, there] = [direct(), direct()]
    const heard = await listening(here)
    await there.write('k', entry('k', 'short', 30))
    await here.read('k')
    await until('it is gone', async () => (await there.read('k')) === undefined)
    await feedOf(here).barrier()
    expect(heard.told).toContain('k')
    await server.command('FLUSHALL')
    await feedOf(here).barrier()
    expect(heard.told.at(-1)).toBe('*')
  })

  it('gives keys of bytes back as they are', async () => {
    const keyFormat = compact
    const [here, there] = [direct({ keyFormat }), direct({ keyFormat })]
    const heard = await listening(here)
    const keys: StoreKey[] = [
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
      Uint8Array.of(0xff, 0xfe, 0, 0x80, 0xc3, 0x28),
    ]
    for (const key of keys) {
      await here.read(key)
      await there.write(key, entry('k', 'theirs'))
      await feedOf(here).barrier()
      expect(heard.told.at(-1)).toBe(Buffer.from(key as Uint8Array).toString('hex'))
    }
  })

  it('can be turned on when connections are there, and off again', async () => {
    const [here, there] = [proxied(), direct()]
    await here.read('k')
    expect(proxy.stats().commandNames['info']).toBe(2)
    const feed = feedOf(here)
    expect(feed.mode).toBeUndefined()
    expect(feed.fence).toBe(Number.NEGATIVE_INFINITY)
    const heard = new Heard(feed)
    const end = feed.listen(heard)
    await until('all may have changed', () => heard.told.includes('*'))
    expect(feed.mode).toBe('tracking')
    await here.read('k')
    await there.write('k', entry('k', 'theirs'))
    await feed.barrier()
    expect(heard.told).toEqual(['*', 'k'])
    end()
    await here.read('k')
    await there.write('k', entry('k', 'theirs'))
    await here.read('k')
    expect(heard.told).toEqual(['*', 'k'])
    expect(await codeOf(() => feed.barrier())).toBe('UNSUPPORTED')
  })

  it('costs nothing while nobody listens', async () => {
    const here = proxied({ maxStale: milliseconds(30) })
    await here.read('k')
    proxy.resetStats()
    await new Promise((resolve) => {
      setTimeout(resolve, 60)
    })
    await here.write('k', entry('k', 'mine', 60_000, Date.now()))
    expect(proxy.stats().commandNames).toEqual({ set: 1 })
  })

  it('tells that all may have changed before it vouches again, when the connection was lost', async () => {
    const here = proxied()
    const feed = feedOf(here)
    const heard = await listening(here)
    const before = feed.fence
    expect(before).toBeGreaterThan(Number.NEGATIVE_INFINITY)
    await proxy.set('reset')
    await until('the connection is gone', () => proxy.stats().open === 0)
    const frozen = feed.fence
    await proxy.set('pass')
    expect(heard.told).toEqual([])
    await here.read('k')
    expect(heard.told).toEqual(['*'])
    expect(heard.fences).toEqual([frozen])
    expect(feed.fence).toBeGreaterThan(frozen)
    // And it is told again.
    await direct().write('k', entry('k', 'theirs'))
    await feed.barrier()
    expect(heard.told).toEqual(['*', 'k'])
  })

  it('stops vouching while the server is not heard, and gives up the connection', async () => {
    const here = proxied({ maxStale: '60ms', responseTimeout: '200ms' })
    const feed = feedOf(here)
    await listening(here)
    const first = feed.fence
    await until('the fence moves by itself', () => feed.fence > first)
    await proxy.set({ stall: 'to-client' })
    await until(
      'an answer is missing',
      () => performance.timeOrigin + performance.now() - feed.fence > 120,
    )
    const frozen = feed.fence
    await until('the connection was given up', () => proxy.stats().open === 0)
    expect(feed.fence).toBe(frozen)
    // Nobody asked for anything, so nobody connects.
    expect(proxy.stats().connections).toBe(1)
    await proxy.set('pass')
    await here.read('k')
    expect(feed.fence).toBeGreaterThan(frozen)
  })

  it('has told, when a barrier is passed, what was acknowledged before', async () => {
    const [here, there] = [direct(), direct()]
    const heard = await listening(here)
    let misses = 0
    for (let round = 0; round < 2_000; round += 1) {
      const key = `k${round % 7}`
      await there.write(key, entry(key, 'theirs', 60_000, Date.now()))
      await here.read(key)
      heard.told.length = 0
      await there.remove(key)
      await feedOf(here).barrier([key])
      if (!heard.told.includes(key)) misses += 1
    }
    expect(misses).toBe(0)
  }, 60_000)

  it('passes all barriers of one turn with one question, sent after the last of them', async () => {
    const here = proxied({ maxStale: '1h' })
    await listening(here)
    proxy.resetStats()
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        feedOf(here).barrier(index % 2 === 0 ? undefined : [`k${index}`]),
      ),
    )
    expect(proxy.stats().writes).toBe(1)
    expect(proxy.stats().commandNames).toEqual({ time: 1, info: 1, pubsub: 1 })
  })

  it('adds no write to any operation', async () => {
    const here = proxied({ maxStale: '1h' })
    await listening(here)
    const writes = async (call: () => unknown): Promise<number> => {
      proxy.resetStats()
      await call()
      return proxy.stats().writes
    }
    expect(await writes(() => here.write('k', entry('k', 'v')))).toBe(1)
    expect(proxy.stats().commandNames).toEqual({ set: 1, getrange: 1 })
    expect(await writes(() => here.writeMany([['l', entry('l', 'v')]]))).toBe(1)
    expect(await writes(() => here.read('k'))).toBe(1)
    expect(await writes(() => here.readMany(['k', 'l']))).toBe(1)
    expect(await writes(() => here.remove('k'))).toBe(1)
  })

  it('moves the fence with a barrier, and fails it as a read', async () => {
    const here = proxied({ maxStale: '1h', responseTimeout: '100ms' })
    await listening(here)
    const before = feedOf(here).fence
    await feedOf(here).barrier()
    expect(feedOf(here).fence).toBeGreaterThan(before)
    await proxy.set({ stall: 'to-client' })
    expect(await codeOf(() => feedOf(here).barrier())).toBe('TIMEOUT')
    await proxy.set('refuse')
    expect(await codeOf(() => feedOf(here).barrier())).toBe('BACKEND_FAILED')
  })

  it('gives up a server that is no primary any more', async () => {
    await using other = await startRedis()
    const here = stores.open({ connection: single(other.url), maxStale: '30ms' })
    const heard = await listening(here)
    const feed = feedOf(here)
    await other.command('REPLICAOF', '127.0.0.1', 1)
    await until(
      'it is given up',
      async () => (await codeOf(() => feed.barrier())) === 'BACKEND_FAILED',
    )
    const frozen = feed.fence
    expect(await codeOf(() => feed.barrier())).toBe('BACKEND_FAILED')
    expect(feed.fence).toBe(frozen)
    await other.command('REPLICAOF', 'NO', 'ONE')
    await until('it is one again', async () => (await codeOf(() => feed.barrier())) === undefined)
    expect(heard.told).toContain('*')
    expect(feed.fence).toBeGreaterThan(frozen)
  })

  it('leaves nothing behind', async () => {
    await expectNoLeaks(async () => {
      const here = direct({ maxStale: '30ms' })
      const heard = await listening(here)
      await until('the fence moves', () => feedOf(here).fence > 0)
      expect(heard.told).toEqual([])
      await stores.closeAll()
    })
  })
})

describe('the stamp of a feed', () => {
  it('is reached by another process when that has heard what it stands for', async () => {
    const [here, there] = [direct({ maxStale: '1h' }), direct()]
    const feed = feedOf(here)
    await listening(here)
    expect(feed.reached(feedOf(there).stamp())).toBe(true)
    await there.write('k', entry('k', 'theirs'))
    const stamp = feedOf(there).stamp(['k'])
    expect(stamp).toMatch(/^h1\.[0-9a-f]{16}-[0-9a-z]+$/)
    expect(feed.reached(stamp)).toBe(false)
    await until('it is reached', async () => {
      await feed.barrier()
      return feed.reached(stamp)
    })
  })

  it('is never reached where another server, or none, is heard, or when it is none', async () => {
    await using other = await startRedis()
    const here = direct()
    const there = stores.open({ connection: single(other.url) })
    await listening(here)
    await there.read('k')
    await feedOf(here).barrier()
    expect(feedOf(here).reached(feedOf(there).stamp())).toBe(false)
    expect(feedOf(there).reached(feedOf(here).stamp())).toBe(false)
    for (const text of [
      '',
      'h2',
      'h1.',
      'h1.00-1',
      'h1.zz',
      `h1.${'0'.repeat(16)}-`,
      'x'.repeat(99),
    ]) {
      expect(feedOf(here).reached(text)).toBe(false)
    }
    expect(feedOf(here).reached(undefined as unknown as string)).toBe(false)
    expect(feedOf(here).reached('h1')).toBe(true)
  })
})
