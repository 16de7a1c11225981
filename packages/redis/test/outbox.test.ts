import type { CacheEvent } from '@hitbox/core'
import { type FaultProxy, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisBackendOptions, single } from '../src/index.ts'
import type { RedisStore } from '../src/store.ts'
import { dataOf, entry, leasesOf, listening, Stores } from './stores.ts'
import { codeOf } from './support.ts'
import { tinyProxy } from './tiny-proxy.ts'

let server: RedisServer
let proxy: FaultProxy
const stores = new Stores()
let events: CacheEvent[] = []

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(async () => {
  await server.command('FLUSHALL')
  proxy = await faultProxy(server)
  events = []
})
afterEach(async () => {
  await stores.closeAll()
  await proxy.close()
})
afterAll(() => server.stop())

function open(options: Partial<RedisBackendOptions> = {}): RedisStore {
  const { host, port } = proxy
  return stores.open({
    connection: single({ host, port }),
    responseTimeout: '150ms',
    retries: 0,
    onEvent: (event) => events.push(event),
    ...options,
  })
}

const states = (): readonly string[] =>
  events.flatMap((event) => (event.type === 'undelivered' ? [`${event.key} ${event.state}`] : []))

describe('a change that was not acknowledged', () => {
  it.for([
    ['remove', (store: RedisStore) => store.remove('k')],
    ['write', (store: RedisStore) => store.write('k', entry('k', 'new'))],
    ['expire', (store: RedisStore) => leasesOf(store).expire('k')],
    [
      'removeMany',
      (store: RedisStore) =>
        store.removeMany(['k']).then(([one]) => {
          if (one?.ok === false) throw one.error
        }),
    ],
  ] as const)('is brought to the server before the key is read again: %s', async ([, change]) => {
    const store = open()
    await store.write('k', entry('k', 'old'))
    await store.write('other', entry('other', 'v'))
    await proxy.set('refuse')
    expect(await codeOf(() => change(store))).toBe('BACKEND_FAILED')
    expect(states()).toEqual(['k kept'])
    await proxy.set('pass')
    proxy.resetStats()
    expect(await store.read('k')).toBeUndefined()
    expect(proxy.stats().commandNames['unlink']).toBe(1)
    expect(states()).toEqual(['k kept', 'k delivered'])
    expect(dataOf('other', await store.read('other'))).toBe('v')
  })

  it('is brought there with the next connection, whoever asked for that', async () => {
    const store = open()
    await store.write('k', entry('k', 'old'))
    await proxy.set('refuse')
    await codeOf(() => store.remove('k'))
    await proxy.set('pass')
    await store.read('other')
    await until('it is gone', async () => (await server.command('EXISTS', 'k')) === 0)
    await until('it is known to be', () => states().includes('k delivered'))
  })

  /** Has a write refused by a server that is full, on a connection that stays. */
  async function refused(store: RedisStore): Promise<void> {
    await store.write('k', entry('k', 'old'))
    await store.write('other', entry('other', 'v'))
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    try {
      expect(await codeOf(() => store.write('k', entry('k', 'new')))).toBe('BACKEND_FAILED')
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0')
    }
    proxy.resetStats()
  }

  it('goes with the next read in one write, while the connection is there', async () => {
    const store = open()
    await refused(store)
    expect(await store.read('k')).toBeUndefined()
    expect(proxy.stats().writes).toBe(1)
    expect(proxy.stats().commandNames).toEqual({ unlink: 1, get: 1 })
    await store.read('k')
    expect(proxy.stats().commandNames).toEqual({ unlink: 1, get: 2 })
  })

  it('goes with the next batch in one write, before what was not changed', async () => {
    const store = open()
    await refused(store)
    const [k, other] = await store.readMany(['k', 'other'])
    expect(k?.ok && k.value).toBeUndefined()
    expect(other?.ok && dataOf('other', other.value)).toBe('v')
    expect(proxy.stats().writes).toBe(1)
    expect(proxy.stats().commandNames['unlink']).toBe(1)
  })

  it('is over when a younger one was acknowledged', async () => {
    const store = open()
    await refused(store)
    await store.write('k', entry('k', 'younger'))
    expect(states()).toEqual(['k kept', 'k delivered'])
    expect(dataOf('k', await store.read('k'))).toBe('younger')
    await refused(store)
    await store.removeMany(['k'])
    await store.read('k')
    expect(proxy.stats().commandNames['unlink']).toBe(1)
  })

  it('is not found by who reads first when a server stood still and goes on', async () => {
    const store = open()
    await store.write('k', entry('k', 'old'))
    server.pause()
    const code = await codeOf(() => store.remove('k'))
    server.resume()
    expect(code).toBe('TIMEOUT')
    expect(await store.read('k')).toBeUndefined()
    expect(states()).toEqual(['k kept', 'k delivered'])
  })

  it('takes no younger lease with it', async () => {
    const store = open()
    await refused(store)
    const taken = await leasesOf(store).take('k', 'nothing')
    if (taken.is !== 'granted') throw new Error('it is not granted')
    expect(await leasesOf(store).fill('k', taken.lease, entry('k', 'newer'))).toBe(true)
    expect(dataOf('k', await store.read('k'))).toBe('newer')
    expect(proxy.stats().commandNames['unlink']).toBe(1)
  })

  it('is tried unasked, where somebody is told of changes', async () => {
    const store = open({ maxStale: '30ms' })
    await store.write('k', entry('k', 'old'))
    await listening(store)
    await server.command('CONFIG', 'SET', 'maxmemory', '1')
    await codeOf(() => store.write('k', entry('k', 'new')))
    await server.command('CONFIG', 'SET', 'maxmemory', '0')
    await until('it is gone', async () => (await server.command('EXISTS', 'k')) === 0)
  })

  it('is forgotten when there are too many, the oldest first', async () => {
    const store = open({ maxPending: 20_000 })
    await proxy.set('refuse')
    const keys = Array.from({ length: 10_001 }, (_, index) => `k${index}`)
    await store.removeMany(keys)
    expect(states().filter((state) => state.endsWith('dropped'))).toEqual(['k0 dropped'])
    await store.removeMany(keys.slice(1, 3))
    expect(states().filter((state) => state.endsWith('dropped'))).toEqual(['k0 dropped'])
  })

  it('is not kept where it would be denied again', async () => {
    await server.command('ACL', 'SETUSER', 'reader', 'on', '>x', '~*', '+get', '+pttl', '+hello')
    const store = open({ username: 'reader', password: 'x' })
    expect(await codeOf(() => store.remove('k'))).toBe('BACKEND_FAILED')
    expect(states()).toEqual([])
  })
})

describe('a write that was given up', () => {
  it('does not land after a younger one', async () => {
    const slow = await tinyProxy(server, 'nothing')
    const { host, port } = slow
    const store = open({ connection: single({ host, port }) })
    await store.read('k')
    slow.hold()
    expect(await codeOf(() => store.write('k', entry('k', 'older', 60_000, Date.now())))).toBe(
      'TIMEOUT',
    )
    await store.write('k', entry('k', 'younger', 60_000, Date.now()))
    await slow.pass()
    const direct = open({ connection: single(server.url) })
    expect(dataOf('k', await direct.read('k'))).toBe('younger')
    await store.remove('k')
    await slow.close()
  })
})
