import { type CacheBackend, cacheValue } from '@hitbox/core'
import { type FaultProxy, faultProxy, type RedisServer, startRedis } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'
import { Backends } from './support.ts'

const VALUE = cacheValue({ name: 'Ada' }, { ttl: '1m', staleAfter: '10s' })
const KEYS = Array.from({ length: 100 }, (_, index) => `key:${index}`)

let server: RedisServer
let proxy: FaultProxy
const backends = new Backends()

async function connect(options: Partial<RedisBackendOptions> = {}): Promise<CacheBackend> {
  const { host, port } = proxy
  const backend = backends.add(redisBackend({ connection: single({ host, port }), ...options }))
  // Connected, and knows the server's time.
  await backend.set('warm', VALUE)
  await backend.get('warm')
  proxy.resetStats()
  return backend
}

describe('redisBackend on the wire', () => {
  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    await server.command('FLUSHALL')
    proxy = await faultProxy(server)
  })
  afterEach(async () => {
    await backends.closeAll()
    await proxy.close()
  })
  afterAll(() => server.stop())

  const calls: Readonly<Record<string, (backend: CacheBackend) => unknown>> = {
    get: (backend) => backend.get('k'),
    set: (backend) => backend.set('k', VALUE),
    delete: (backend) => backend.delete('k'),
    'getMany of 100': (backend) => backend.getMany(KEYS),
    'setMany of 100': (backend) => backend.setMany(KEYS.map((key) => [key, VALUE] as const)),
    'deleteMany of 100': (backend) => backend.deleteMany(KEYS),
    '50 gets in one turn': (backend) =>
      Promise.all(KEYS.slice(0, 50).map(async (key) => backend.get(key))),
    'a get and a set in one turn': (backend) =>
      Promise.all([backend.get('k'), backend.set('k', VALUE)]),
  }
  for (const layout of ['string', 'hash'] as const) {
    for (const [name, call] of Object.entries(calls)) {
      it(`sends ${name} in one write, layout ${layout}`, async () => {
        const backend = await connect({ layout })
        await call(backend)
        expect(proxy.stats().writes).toBe(1)
      })
    }
  }

  it('sends the commands it says', async () => {
    const strings = await connect()
    await strings.set('k', VALUE)
    await strings.get('k')
    await strings.getMany(['k', 'l'])
    await strings.delete('k')
    expect(proxy.stats().commandNames).toEqual({ set: 1, get: 1, mget: 1, unlink: 1 })
    await server.command('FLUSHALL')
    const hashes = await connect({ layout: 'hash' })
    await hashes.set('h', VALUE)
    await hashes.get('h')
    expect(proxy.stats().commandNames).toEqual({
      multi: 1,
      unlink: 1,
      hset: 1,
      pexpire: 1,
      exec: 1,
      pttl: 2,
      hmget: 1,
    })
  })

  it('connects once for all first callers, and only when it is used', async () => {
    const { host, port } = proxy
    const backend = backends.add(redisBackend({ connection: single({ host, port }) }))
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(proxy.stats().connections).toBe(0)
    await Promise.all(KEYS.map(async (key) => backend.get(key)))
    expect(proxy.stats().connections).toBe(1)
  })

  it('asks for the time beside who answers, and not again soon', async () => {
    const { host, port } = proxy
    const backend = backends.add(redisBackend({ connection: single({ host, port }) }))
    for (const key of KEYS) await backend.get(key)
    expect(proxy.stats().commandNames['time']).toBe(1)
    // The login, the question who answers, and one for each read: the question for the time went along with the second.
    expect(proxy.stats().writes).toBe(2 + KEYS.length)
  })

  it('sends a large batch of large values in few writes', async () => {
    const backend = await connect({ responseTimeout: '5s' })
    const data = 'x'.repeat(2_000)
    await backend.setMany(KEYS.map((key) => [key, { ...VALUE, data }] as const))
    // 200 KB: as many chunks as the system makes of it, and far from one for each command.
    expect(proxy.stats().writes).toBeLessThanOrEqual(12)
  })
})
