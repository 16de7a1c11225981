import { type CacheBackend, CacheError, cacheValue, type CacheEvent } from '@hitbox/core'
import { type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'

let server: RedisServer
const open: CacheBackend[] = []

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.stop())
afterEach(async () => {
  await Promise.all(open.splice(0).map((backend) => backend.close()))
  await server.command('FLUSHALL')
})

function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
  const backend = redisBackend({ connection: single(server.url), ...options })
  open.push(backend)
  return backend
}

describe('redisBackend on one server', () => {
  it('gives back what was set, with both moments', async () => {
    const backend = connect()
    const value = cacheValue({ name: 'Ada' }, { ttl: '10s', staleAfter: '4s' })
    await backend.set('user:1', value)
    const found = await backend.get('user:1')
    expect(found?.data).toEqual({ name: 'Ada' })
    expect(Math.abs((found?.expiresAt ?? 0) - value.expiresAt)).toBeLessThan(20)
    expect(Math.abs((found?.staleAt ?? 0) - value.staleAt)).toBeLessThan(20)
  })

  it('keeps the moments of the very first write, made before the server was known', async () => {
    const backend = connect()
    const now = cacheValue(1, { ttl: '1ms' }).expiresAt - 1
    await backend.set('k', { data: 1, staleAt: now + 5_000, expiresAt: Number.POSITIVE_INFINITY })
    const found = await connect().get('k')
    expect(found?.expiresAt).toBe(Number.POSITIVE_INFINITY)
    expect(Math.abs((found?.staleAt ?? 0) - now - 5_000)).toBeLessThan(20)
  })

  it('answers batches in order, duplicates and misses included', async () => {
    const backend = connect()
    const life = cacheValue(0, { ttl: '10s' })
    const keys = Array.from({ length: 2_500 }, (_, index) => `k${index}`)
    const written = await backend.setMany(
      keys.map((key, data) => [key, { ...life, data }] as const),
    )
    expect(written.every(({ ok }) => ok)).toBe(true)
    const read = await backend.getMany([...keys, 'absent', 'k7'])
    expect(read.map((result) => (result.ok ? result.value?.data : 'failed'))).toEqual([
      ...keys.keys(),
      undefined,
      7,
    ])
    const deleted = await backend.deleteMany(['k1', 'k1', 'absent'])
    expect(deleted.map((result) => result.ok && result.value.count)).toEqual([1, 0, 0])
  })

  it('tells a wrong type at once and goes on', async () => {
    const backend = connect()
    await server.command('RPUSH', 'list', 'a')
    const error = await Promise.resolve(backend.get('list')).catch((reason: unknown) => reason)
    expect(CacheError.is(error, 'BACKEND_FAILED')).toBe(true)
    expect(await backend.get('absent')).toBeUndefined()
  })

  it('settles in time on a frozen server and works as soon as that goes on', async () => {
    const events: CacheEvent[] = []
    const backend = connect({ responseTimeout: '200ms', onEvent: (event) => events.push(event) })
    await backend.set('k', cacheValue(1, { ttl: '10s' }))
    server.pause()
    const begun = performance.now()
    const error = await Promise.resolve(backend.get('k')).catch((reason: unknown) => reason)
    expect(performance.now() - begun).toBeLessThan(250)
    expect(CacheError.is(error, 'TIMEOUT')).toBe(true)
    const again = await Promise.resolve(backend.get('k')).catch((reason: unknown) => reason)
    expect(CacheError.is(again, 'TIMEOUT')).toBe(true)
    server.resume()
    expect((await backend.get('k'))?.data).toBe(1)
    expect(events.flatMap((event) => (event.type === 'connection' ? [event.state] : []))).toEqual([
      'up',
      'down',
      'up',
    ])
  })

  it('works again after the server was killed and restarted', async () => {
    const backend = connect()
    await backend.set('k', cacheValue(1, { ttl: '10s' }))
    await server.kill()
    const error = await Promise.resolve(backend.get('k')).catch((reason: unknown) => reason)
    expect(CacheError.is(error, 'BACKEND_FAILED')).toBe(true)
    await server.restart()
    expect(await backend.get('k')).toBeUndefined()
  })

  it('expires to the millisecond', async () => {
    const backend = connect()
    const value = cacheValue(1, { ttl: '80ms' })
    await backend.set('k', value)
    const found = await backend.get('k')
    expect(found?.data).toBe(1)
    await until('it is gone', async () => (await backend.get('k')) === undefined)
  })
})
