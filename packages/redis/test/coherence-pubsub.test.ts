import { type CacheEvent, compact } from '@hitbox/core'
import { faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { createClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { client, type RedisBackendOptions, single } from '../src/index.ts'
import type { RedisStore } from '../src/store.ts'
import { entry, feedOf, Heard, leasesOf, listening, Stores } from './stores.ts'
import { codeOf } from './support.ts'
import { type TinyProxy, tinyProxy } from './tiny-proxy.ts'

const RULES = '~* &* +@all'

let server: RedisServer
let swallowing: TinyProxy
const stores = new Stores()

beforeAll(async () => {
  server = await startRedis({
    aclUsers: [
      { name: 'untracked', password: 'x', rules: `${RULES} -client|tracking` },
      { name: 'deaf', password: 'x', rules: `${RULES} -client|tracking -subscribe` },
      { name: 'mute', password: 'x', rules: `${RULES} -client|tracking -publish` },
      { name: 'reader', password: 'x', rules: `${RULES} -set` },
      // What the README asks for, and no more.
      { name: 'least', password: 'x', rules: '~* -@all +get +mget +set +unlink +pttl' },
    ],
  })
  swallowing = await tinyProxy(server, 'pushes')
})
beforeEach(() => server.command('FLUSHALL'))
afterEach(() => stores.closeAll())
afterAll(async () => {
  await swallowing.close()
  await server.stop()
})

const open = (options: Partial<RedisBackendOptions> = {}): RedisStore =>
  stores.open({ connection: single(server.url), ...options })

const as = (username: string): Partial<RedisBackendOptions> => ({ username, password: 'x' })

async function subscribers(): Promise<number> {
  const reply = await server.command('PUBSUB', 'NUMSUB', '::hitbox:changes:0')
  return Number((reply as readonly unknown[])[1])
}

describe('the self-test of tracking', () => {
  it.for([
    ['is denied', () => open(as('untracked')), 'pubsub'],
    ['is denied, and messages too', () => open(as('deaf')), 'none'],
    ['cannot be tried, but is not denied', () => open(as('reader')), 'tracking'],
    [
      'is said to be on, and nothing is told',
      () =>
        open({
          connection: single({ host: swallowing.host, port: swallowing.port }),
          responseTimeout: '100ms',
        }),
      'none',
    ],
    ['is denied like all that is not needed', () => open(as('least')), 'none'],
  ] as const)('finds out when tracking %s', async ([, make, mode]) => {
    const store = make()
    await listening(store)
    const feed = feedOf(store)
    await until(`the mode is ${mode}`, () => feed.mode === mode)
    const trusted = mode === 'tracking'
    expect(feed.copyMs).toBe(trusted ? Number.POSITIVE_INFINITY : feed.maxStaleMs)
    expect(feed.fence === Number.POSITIVE_INFINITY).toBe(!trusted)
    expect(await codeOf(() => feed.barrier())).toBe(trusted ? undefined : 'UNSUPPORTED')
    await store.read('k')
  })

  it('refuses the connection where tracking is demanded', async () => {
    const store = open({ ...as('untracked'), coherence: 'tracking' })
    await store.read('k')
    feedOf(store).listen(new Heard())
    await until(
      'it is refused',
      async () => (await codeOf(() => store.read('k'))) === 'UNSUPPORTED',
    )
    const sooner = open({ ...as('untracked'), coherence: 'tracking' })
    feedOf(sooner).listen(new Heard())
    expect(await codeOf(() => sooner.read('k'))).toBe('UNSUPPORTED')
    const good = open({ coherence: 'tracking' })
    await listening(good)
    expect(feedOf(good).mode).toBe('tracking')
  })

  it('tells what came of it', async () => {
    const events: CacheEvent[] = []
    const store = open({ ...as('untracked'), onEvent: (event) => events.push(event) })
    await listening(store)
    expect(events).toContainEqual({
      type: 'coherence',
      source: 'redis',
      mode: 'pubsub',
      epoch: 'known',
    })
  })
})

describe('the feed by messages', () => {
  it('tells what others change, in every way, and not what is done here', async () => {
    const [here, there] = [open({ coherence: 'pubsub' }), open({ coherence: 'pubsub' })]
    const heard = await listening(here)
    await until('it listens', async () => (await subscribers()) === 1)
    await here.write('own', entry('own', 'v'))
    await here.remove('own')
    const told = (key: string): Promise<unknown> =>
      until(`${key} is told`, () => heard.told.includes(key))
    await there.write('written', entry('written', 'v'))
    await told('written')
    await there.writeMany([['many', entry('many', 'v')]])
    await told('many')
    await there.remove('removed')
    await told('removed')
    await there.removeMany(['gone'])
    await told('gone')
    const taken = await leasesOf(there).take('filled', 'nothing')
    if (taken.is !== 'granted') throw new Error('it is not granted')
    await leasesOf(there).fill('filled', taken.lease, entry('filled', 'v'))
    await told('filled')
    await leasesOf(there).expire('marked')
    await told('marked')
    expect(heard.told).not.toContain('own')
  })

  it('carries keys of bytes, and hashes', async () => {
    const options = { coherence: 'pubsub', keyFormat: compact, layout: 'hash' } as const
    const [here, there] = [open(options), open(options)]
    const heard = await listening(here)
    await until('it listens', async () => (await subscribers()) === 1)
    await there.write(Uint8Array.of(0xff, 0, 0x80), entry('k', 'v'))
    await until('it is told', () => heard.told.includes('ff0080'))
  })

  it('hears those who are tracked as well', async () => {
    const there = open({ maxStale: '30ms' })
    await listening(there)
    const here = open({ coherence: 'pubsub' })
    const heard = await listening(here)
    await until('it is told', async () => {
      await there.write('k', entry('k', 'v'))
      return heard.told.includes('k')
    })
    await here.read('k')
    const other = await listening(there)
    await there.read('k')
    await here.write('k', entry('k', 'w'))
    await feedOf(there).barrier()
    expect(other.told).toContain('k')
  })

  it('tells that all may have changed when it was deaf for a while', async () => {
    const proxy = await faultProxy(server)
    const { host, port } = proxy
    const connection = single({ host, port })
    const here = open({ connection, coherence: 'pubsub', maxStale: '60ms' })
    const heard = await listening(here)
    await until('it listens', async () => (await subscribers()) === 1)
    await until('it may have missed something before', () => heard.told.includes('*'))
    heard.told.length = 0
    await proxy.set('reset')
    await until('it is cut off', async () => (await subscribers()) === 0)
    await proxy.set('pass')
    await until('it is back', () => heard.told.includes('*'))
    await open({ coherence: 'pubsub' }).remove('k')
    await until('it hears again', () => heard.told.includes('k'))
    await stores.closeAll()
    await proxy.close()
  })

  it('changes what is to be changed though messages are denied', async () => {
    const there = open({ ...as('mute'), coherence: 'pubsub' })
    await there.write('k', entry('k', 'v'))
    expect(await server.command('EXISTS', 'k')).toBe(1)
    expect((await there.remove('k')).count).toBe(1)
    const taken = await leasesOf(there).take('k', 'nothing')
    if (taken.is !== 'granted') throw new Error('it is not granted')
    expect(await leasesOf(there).fill('k', taken.lease, entry('k', 'v'))).toBe(true)
  })
})

describe('without a feed', () => {
  it('a client of the user has none that tells, and still a bound', async () => {
    const own = createClient({ url: server.url })
    await own.connect()
    try {
      const store = stores.open({ connection: client(own), maxStale: '2s' })
      const feed = feedOf(store)
      expect(feed.mode).toBe('none')
      expect(feed.copyMs).toBe(2_000)
      expect(feed.fence).toBe(Number.POSITIVE_INFINITY)
      const heard = new Heard()
      feed.listen(heard)
      await store.write('k', entry('k', 'v'))
      expect((await store.read('k'))?.trust).toBeUndefined()
      const taken = await leasesOf(store).take('l', 'nothing')
      expect(taken.is).toBe('granted')
      expect(await codeOf(() => feed.barrier())).toBe('UNSUPPORTED')
      expect(feed.stamp()).toMatch(/^h1\.[0-9a-f]{16}-[0-9a-z]+$/)
      await stores.closeAll()
    } finally {
      await own.close()
    }
  })

  it('there is none when it is off', () => {
    expect(open({ coherence: 'off' }).feed).toBeUndefined()
    expect(open({ coherence: 'off' }).leases).toBeDefined()
    expect(open({ layout: 'hash' }).leases).toBeUndefined()
  })
})
