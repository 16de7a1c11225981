import { type CacheBackend, cacheValue } from '@hitbox/core'
import { faultProxy, type RedisSentinel, startRedisSentinel, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, sentinel } from '../src/index.ts'
import { Backends, codeOf, failureOf, timed } from './support.ts'

const VALUE = cacheValue('v', { ttl: '1m' })

let group: RedisSentinel
const backends = new Backends()

function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
  const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
  const connection = sentinel(group.name, nodes)
  const password = 'of the servers'
  return backends.add(redisBackend({ connection, password, responseTimeout: '300ms', ...options }))
}

describe('redisBackend on what sentinels watch', () => {
  beforeAll(async () => {
    group = await startRedisSentinel({ password: 'of the servers' })
  }, 60_000)
  beforeEach(() => group.settled(), 60_000)
  afterEach(() => backends.closeAll())
  afterAll(() => group.stop())

  it('uses the primary', async () => {
    const backend = connect()
    await backend.ready({ timeout: '2s' })
    await backend.set('k', VALUE)
    const primary = await group.primary()
    expect(await primary.command('EXISTS', 'k')).toBe(1)
  })

  it('gets by with sentinels of which some are not there or never answer', async () => {
    const [first, second] = group.sentinels
    if (first === undefined || second === undefined) throw new Error('there are three')
    const silent = await faultProxy(second)
    await silent.set('black-hole')
    try {
      const nodes = [
        { host: '127.0.0.1', port: 1 },
        { host: silent.host, port: silent.port },
        { host: first.host, port: first.port },
      ]
      const connection = sentinel(group.name, nodes)
      const backend = connect({ connection, responseTimeout: '1s', connectTimeout: '600ms' })
      await backend.set('k', VALUE)
      expect((await backend.get('k'))?.data).toBe('v')
    } finally {
      await silent.close()
    }
  })

  it('fails in time when the sentinels know no such primary, or are not there', async () => {
    const [first] = group.sentinels
    if (first === undefined) throw new Error('there are three')
    const unknown = connect({
      connection: sentinel('other', [{ host: first.host, port: first.port }]),
    })
    expect(await codeOf(() => unknown.get('k'))).toBe('BACKEND_FAILED')
    const nobody = connect({ connection: sentinel(group.name, ['redis://127.0.0.1:1']) })
    expect(await timed(() => nobody.get('k'))).toBeLessThan(250)
    expect(await codeOf(() => nobody.get('k'))).toBe('BACKEND_FAILED')
  })

  it.for(['freeze', 'kill'] as const)(
    'serves the first operation after a failover: %s',
    { timeout: 60_000 },
    async (how) => {
      const backend = connect()
      await backend.set('k', VALUE)
      const victim = await group.primary()
      if (how === 'freeze') victim.pause()
      else await victim.kill()
      try {
        await until('there is another primary', async () => (await group.primary()) !== victim)
        expect(await failureOf(() => backend.set('k', VALUE))).toBeUndefined()
        expect((await backend.get('k'))?.data).toBe('v')
      } finally {
        if (how === 'freeze') victim.resume()
        else await victim.restart()
      }
    },
  )

  it('settles everything in time through a failover', async () => {
    const backend = connect()
    await backend.set('k', VALUE)
    const victim = await group.primary()
    victim.pause()
    let longest = 0
    try {
      await until('operations succeed again', async () => {
        longest = Math.max(longest, await timed(() => backend.set('k', VALUE)))
        return (await failureOf(() => backend.get('k'))) === undefined
      })
    } finally {
      victim.resume()
    }
    expect(longest).toBeLessThan(400)
  }, 60_000)

  it('follows a planned failover, in which the old primary goes on as a replica', async () => {
    const backend = connect()
    await backend.set('k', VALUE)
    const before = await group.primary()
    const [first] = group.sentinels
    await first?.command('SENTINEL', 'FAILOVER', group.name)
    await until('there is another primary', async () => (await group.primary()) !== before)
    await until('writes succeed', async () => {
      return (await failureOf(() => backend.set('k', VALUE))) === undefined
    })
    expect((await backend.get('k'))?.data).toBe('v')
  }, 60_000)
})
