import { type CacheBackend, cacheValue, type CacheEvent } from '@hitbox/core'
import { type RedisServer, startRedis, until } from '@hitbox/testing'
import { RedisClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { client, redisBackend, type RedisBackendOptions } from '../src/index.ts'
import { Backends, codeOf, timed } from './support.ts'

const VALUE = cacheValue('v', { ttl: '1m' })

describe('redisBackend on a client of yours', () => {
  let server: RedisServer
  let yours: ReturnType<typeof open>
  const backends = new Backends()

  beforeAll(async () => {
    server = await startRedis()
  })
  beforeEach(async () => {
    yours = open()
    await yours.connect()
  })
  afterEach(async () => {
    await backends.closeAll()
    yours.destroy()
  })
  afterAll(() => server.stop())

  function open() {
    return new RedisClient({ url: server.url })
  }

  function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
    const own = { connection: client(yours), responseTimeout: '200ms', ...options } as const
    return backends.add(redisBackend(own))
  }

  it('works with its default options, and leaves it open', async () => {
    for (const layout of ['string', 'hash'] as const) {
      const backend = connect({ layout })
      await backend.ready({ timeout: '1s' })
      await backend.set(layout, VALUE)
      expect((await backend.get(layout))?.data).toBe('v')
      const [read] = await backend.getMany([layout])
      expect(read?.ok && read.value?.data).toBe('v')
      await backend.close()
      expect(yours.isReady).toBe(true)
    }
    expect(yours.listenerCount('error')).toBe(0)
    expect(yours.listenerCount('ready')).toBe(0)
  })

  it('settles in time while the server stands still, bounds what waits, and goes on after it', async () => {
    const events: CacheEvent[] = []
    const backend = connect({ maxPending: 10, onEvent: (event) => events.push(event) })
    await backend.set('k', VALUE)
    server.pause()
    try {
      const took = await timed(() =>
        Promise.all(Array.from({ length: 10 }, () => codeOf(() => backend.get('k')))),
      )
      expect(took).toBeLessThan(260)
      // Their answers may still come, so they count as long as the client waits for them.
      expect(await codeOf(() => backend.get('k'))).toBe('OVERLOADED')
    } finally {
      server.resume()
    }
    await until('it works again', async () => (await codeOf(() => backend.get('k'))) === undefined)
    expect((await backend.get('k'))?.data).toBe('v')
  })

  it('waits for a client that reconnects, and fails at once on one that is closed', async () => {
    const backend = connect({ responseTimeout: '5s' })
    await backend.set('k', VALUE)
    await server.restart()
    await until('the loss is noticed', () => !yours.isReady || yours.isOpen)
    await backend.set('k', VALUE)
    expect((await backend.get('k'))?.data).toBe('v')
    yours.destroy()
    expect(await codeOf(() => backend.get('k'))).toBe('BACKEND_FAILED')
    expect(await timed(() => backend.get('k'))).toBeLessThan(100)
  })

  it('fails at once on a client that was never connected', async () => {
    const fresh = open()
    const backend = connect({ connection: client(fresh) })
    expect(await codeOf(() => backend.get('k'))).toBe('BACKEND_FAILED')
    await backend.close()
    fresh.destroy()
  })

  it('leaves login and transport to the client', async () => {
    for (const option of ['username', 'password', 'database', 'tls', 'connectTimeout']) {
      expect(await codeOf(() => connect({ [option]: 'x' }))).toBe('INVALID_OPTION')
    }
  })
})
