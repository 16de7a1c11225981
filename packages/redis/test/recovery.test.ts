import { type CacheBackend, cacheValue, type CacheEvent } from '@hitbox/core'
import { faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'
import { Backends, codeOf, failureOf } from './support.ts'

const VALUE = cacheValue('v', { ttl: '1m' })

let server: RedisServer
const backends = new Backends()

beforeAll(async () => {
  server = await startRedis()
})
afterEach(() => backends.closeAll())
afterAll(() => server.stop())

function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
  return backends.add(redisBackend({ connection: single(server.url), ...options }))
}

/** Sends an operation, and ends its connection before the server can answer. */
async function cutOff(operation: () => unknown): Promise<string | undefined> {
  server.pause()
  const code = codeOf(operation)
  await new Promise((resolve) => {
    setTimeout(resolve, 20)
  })
  await server.restart()
  return code
}

describe('redisBackend, when a connection is lost,', () => {
  it('sends again what was not answered, as often as it is told', async () => {
    const operations: readonly ((backend: CacheBackend) => unknown)[] = [
      (backend) => backend.get('k'),
      (backend) => backend.set('k', VALUE),
      (backend) => backend.delete('k'),
    ]
    for (const [retries, expected] of [
      [0, 'BACKEND_FAILED'],
      [10, undefined],
    ] as const) {
      for (const operation of operations) {
        const backend = connect({ retries, responseTimeout: '5s' })
        await backend.get('k')
        // Cut by the server, which is there: the way of one who lost a connection and no more.
        const proxy = await faultProxy(server)
        const { host, port } = proxy
        const proxied = connect({
          connection: single({ host, port }),
          retries,
          responseTimeout: '5s',
        })
        await proxied.get('k')
        await proxy.set({ stall: 'to-server' })
        const code = codeOf(() => operation(proxied))
        await until('it was sent', () => proxy.stats().commands > 0)
        await proxy.set('reset')
        await proxy.set('pass')
        expect(await code).toBe(expected)
        await proxied.close()
        await proxy.close()
      }
    }
  })

  it('sends again only those items of a batch that were not answered', async () => {
    const backend = connect({ responseTimeout: '5s' })
    const keys = Array.from({ length: 2_000 }, (_, index) => `k${index}`)
    await backend.setMany(keys.map((key) => [key, VALUE] as const))
    const proxy = await faultProxy(server)
    const { host, port } = proxy
    // More than one attempt: the next connection may be cut off too, before the proxy is told to let it pass.
    const proxied = connect({
      connection: single({ host, port }),
      responseTimeout: '5s',
      retries: 10,
    })
    await proxied.get('k0')
    // Some answers come through, also on a connection that begins with who answers: that takes about 2,000 bytes.
    await proxy.set({ cutAfter: 4_000 })
    const pending = proxied.deleteMany(keys)
    await until(
      'the connection is gone',
      () => proxy.stats().open === 0 || proxy.stats().connections > 1,
    )
    await proxy.set('pass')
    const results = await pending
    expect(results.filter((result) => !result.ok)).toEqual([])
    expect(await server.command('EXISTS', ...keys)).toBe(0)
    await proxied.close()
    await proxy.close()
  })

  it('answers a write after a restart, though it was sent to the old server', async () => {
    const backend = connect({ responseTimeout: '5s', retries: 10 })
    await backend.set('k', VALUE)
    const code = await cutOff(() => backend.set('k', VALUE))
    // Either the new server was there in time for one of the attempts, or it was refused at once: nothing hangs.
    expect([undefined, 'BACKEND_FAILED']).toContain(code)
    expect((await failureOf(() => backend.set('k', VALUE))) === undefined).toBe(true)
  })

  it('tells once that it is down, and once that it is up', async () => {
    const proxy = await faultProxy(server)
    const { host, port } = proxy
    const events: CacheEvent[] = []
    const backend = connect({
      connection: single({ host, port }),
      onEvent: (event) => events.push(event),
    })
    const states = (): readonly string[] =>
      events.flatMap((event) => (event.type === 'connection' ? [event.state] : []))
    await backend.get('k')
    await proxy.set('refuse')
    for (let round = 0; round < 5; round += 1) await failureOf(() => backend.get('k'))
    expect(states()).toEqual(['up', 'down'])
    await proxy.set('pass')
    for (let round = 0; round < 5; round += 1) await backend.get('k')
    expect(states()).toEqual(['up', 'down', 'up'])
    await backend.close()
    await proxy.close()
  })
})

describe('redisBackend, when a server takes no writes,', () => {
  it('connects anew for the next operation, once in a while', async () => {
    const proxy = await faultProxy(server)
    const { host, port } = proxy
    const backend = connect({ connection: single({ host, port }) })
    await backend.set('k', VALUE)
    await backend.set('l', VALUE)
    await server.command('REPLICAOF', '127.0.0.1', 1)
    try {
      for (let round = 0; round < 10; round += 1) {
        expect(await codeOf(() => backend.set('k', VALUE))).toBe('BACKEND_FAILED')
      }
      expect((await backend.get('l'))?.data).toBe('v')
      // What was to be replaced is not to be found again.
      expect(await codeOf(() => backend.get('k'))).toBe('BACKEND_FAILED')
      expect(proxy.stats().connections).toBe(2)
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE')
    }
    await backend.set('k', VALUE)
    await backend.close()
    await proxy.close()
  })
})
