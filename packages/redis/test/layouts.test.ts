import {
  type CacheBackend,
  cacheKey,
  CacheError,
  cacheValue,
  type CacheValue,
  compact,
  milliseconds,
  systemClock,
} from '@hitbox/core'
import { json } from '@hitbox/formats/json'
import { type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, rustUrlEncoded, single } from '../src/index.ts'
import { Backends, codeOf } from './support.ts'

let server: RedisServer
const backends = new Backends()

beforeAll(async () => {
  server = await startRedis()
})
afterEach(async () => {
  await backends.closeAll()
  await server.command('FLUSHALL')
})
afterAll(() => server.stop())

function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
  return backends.add(redisBackend({ connection: single(server.url), ...options }))
}

const NEVER = Number.POSITIVE_INFINITY

function lasting(data: unknown, staleAt = NEVER): CacheValue<unknown> {
  return { data, staleAt, expiresAt: NEVER }
}

/** Where the Rust framework goes wrong, and nobody should. */
describe.for(['string', 'hash'] as const)('layout %s', (layout) => {
  it('gives a life of 1.9 s its full length, and one below a second an end', async () => {
    const backend = connect({ layout })
    for (const ttlMs of [1_900, 900, 250]) {
      const value = cacheValue('v', { ttl: milliseconds(ttlMs) })
      await backend.set('k', value)
      const left = Number(await server.command('PTTL', 'k'))
      expect(left).toBeGreaterThan(ttlMs - 60)
      expect(left).toBeLessThanOrEqual(ttlMs)
      const found = await backend.get('k')
      expect(found?.expiresAt).toBeLessThan(value.expiresAt + 15)
      expect(found?.expiresAt).toBeGreaterThan(value.expiresAt - 15)
    }
  })

  it('forgets the stale mark of what was there before', async () => {
    const backend = connect({ layout })
    await backend.set('k', cacheValue('old', { ttl: '1h', staleAfter: '1ms' }))
    await backend.set('k', cacheValue('new', { ttl: '1h' }))
    const found = await backend.get('k')
    expect(found?.data).toBe('new')
    expect(found?.staleAt).toBe(found?.expiresAt)
  })

  it('forgets the end of what was there before', async () => {
    const backend = connect({ layout })
    await backend.set('k', cacheValue('old', { ttl: '1h' }))
    await backend.set('k', lasting('new'))
    expect(await server.command('PTTL', 'k')).toBe(-1)
    expect((await backend.get('k'))?.expiresAt).toBe(NEVER)
  })

  it('never leaves an entry without its end, though the connection is lost while it writes', async () => {
    const life = cacheValue('v', { ttl: '1h', staleAfter: '30m' })
    const backend = connect({ layout, retries: 0, responseTimeout: '2s' })
    for (let round = 0; round < 20; round += 1) {
      const settled = Promise.allSettled(
        Array.from({ length: 50 }, async (_, index) => backend.set(`k${index}`, life)),
      )
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      await settled
      for (let index = 0; index < 50; index += 1) {
        expect(await server.command('PTTL', `k${index}`)).not.toBe(-1)
      }
    }
  })

  it('is gone at its end, for every reader', async () => {
    const writer = connect({ layout })
    const reader = connect({ layout })
    const value = cacheValue('v', { ttl: '120ms' })
    await writer.set('k', value)
    expect((await reader.get('k'))?.data).toBe('v')
    for (;;) {
      const found = await reader.get('k')
      if (found === undefined) break
      expect(systemClock.now()).toBeLessThan(value.expiresAt + 2)
    }
    expect(systemClock.now()).toBeGreaterThan(value.expiresAt - 15)
  })

  it('takes keys of bytes, and hashes the long ones', async () => {
    const backend = connect({ layout, keyFormat: compact })
    const long = cacheKey({ prefix: 'p', parts: [['name', 'ü'.repeat(3_000)]] })
    await backend.setMany([
      [long, cacheValue('long', { ttl: '1m' })],
      [['user', 1], cacheValue('one', { ttl: '1m' })],
    ])
    expect((await backend.get(long))?.data).toBe('long')
    expect((await backend.get(['user', 1]))?.data).toBe('one')
    const [read] = await backend.getMany([long])
    expect(read?.ok && read.value?.data).toBe('long')
    const sizes = (await server.command('KEYS', '*')) as readonly string[]
    expect(sizes.every((key) => key.length <= 1_024)).toBe(true)
  })

  it('keeps what is stale from the beginning, and what never ends but goes stale', async () => {
    const backend = connect({ layout })
    const now = systemClock.now()
    await backend.set('stale', { data: 1, staleAt: now - 5, expiresAt: now + 60_000 })
    await backend.set('lasting', lasting(2, now + 30_000))
    expect((await backend.get('stale'))?.staleAt).toBeLessThanOrEqual(systemClock.now())
    const found = await connect({ layout }).get('lasting')
    expect(found?.expiresAt).toBe(NEVER)
    expect(Math.abs((found?.staleAt ?? 0) - now - 30_000)).toBeLessThan(15)
  })

  it('reads nothing where the server keeps something else', async () => {
    const backend = connect({ layout })
    if (layout === 'hash') await server.command('HSET', 'k', 'other', 'field')
    else await server.command('SET', 'k', 'text of another program')
    expect(await backend.get('k')).toBeUndefined()
    const [read] = await backend.getMany(['k'])
    expect(read).toEqual({ ok: true, value: undefined })
  })
})

describe('layout hash, shared with the Rust framework', () => {
  const options = { layout: 'hash', keyFormat: rustUrlEncoded, valueFormat: json } as const
  const key = cacheKey({
    prefix: 'user',
    version: 2,
    parts: [
      ['id', '42'],
      ['name', 'Zoë & Co'],
      ['flag', null],
    ],
  })
  const storeKey = '_prefix=user&_version=2&id=42&name=Zo%C3%AB+%26+Co&flag='

  it('writes what that reads: key, fields, moment of going stale, end', async () => {
    const backend = connect(options)
    await backend.set(key, cacheValue({ name: 'Ada' }, { ttl: '10s', staleAfter: '4s' }))
    expect(await server.command('KEYS', '*')).toEqual([storeKey])
    expect(await server.command('HGET', storeKey, 'd')).toBe('{"name":"Ada"}')
    const [seconds, micros] = (await server.command('TIME')) as readonly string[]
    const now = Number(seconds) * 1_000 + Number(micros) / 1_000
    const stale = Number(await server.command('HGET', storeKey, 's'))
    expect(Math.abs(stale - now - 4_000)).toBeLessThan(60)
    expect(Number(await server.command('PTTL', storeKey))).toBeGreaterThan(9_900)
    await backend.set(key, cacheValue({ name: 'Ada' }, { ttl: '10s' }))
    expect(await server.command('HGETALL', storeKey)).toEqual(['d', '{"name":"Ada"}'])
  })

  it('reads what that writes', async () => {
    const backend = connect(options)
    const [seconds] = (await server.command('TIME')) as readonly string[]
    const stale = (Number(seconds) + 30) * 1_000
    await server.command('HSET', storeKey, 'd', '[1,2]', 's', stale)
    await server.command('PEXPIRE', storeKey, 60_000)
    const found = await backend.get(key)
    expect(found?.data).toEqual([1, 2])
    const now = systemClock.now()
    expect(Math.abs((found?.expiresAt ?? 0) - now - 60_000)).toBeLessThan(60)
    expect(Math.abs((found?.staleAt ?? 0) - now - 30_000)).toBeLessThan(1_100)
    await server.command('PERSIST', storeKey)
    await server.command('HDEL', storeKey, 's')
    const lastingFound = await backend.get(key)
    expect([lastingFound?.staleAt, lastingFound?.expiresAt]).toEqual([NEVER, NEVER])
  })

  it('refuses keys that would mean something else there', async () => {
    const backend = connect(options)
    const refused = [
      'any text with spaces',
      cacheKey({ prefix: 'p', parts: [['name', '']] }),
      cacheKey({ parts: [['_prefix', 'x']] }),
      cacheKey({ parts: [['_version', null]] }),
      cacheKey({ prefix: 'p', version: 2 ** 32 }),
      cacheKey({ prefix: 'p', parts: [['half', '\uD800']] }),
    ]
    for (const input of refused) {
      expect(await codeOf(() => backend.get(input))).toBe('INVALID_KEY')
      expect(await codeOf(() => backend.set(input, lasting(1)))).toBe('INVALID_KEY')
    }
    expect(await server.command('DBSIZE')).toBe(0)
  })

  it('turns keys into store keys and back', () => {
    const keys = [
      key,
      cacheKey({ prefix: 'p' }),
      cacheKey({ version: 3 }),
      cacheKey({
        parts: [
          ['a', 'b'],
          ['a', 'c'],
          ['', null],
        ],
      }),
      cacheKey({ prefix: 'a:b/c', parts: [['*-._~ +', 'ü=&%']] }),
    ]
    for (const { text } of keys) {
      expect(rustUrlEncoded.decode(rustUrlEncoded.encode(text))).toBe(text)
    }
    expect(rustUrlEncoded.encode(cacheKey({ parts: [['*-._~ +', 'x']] }).text)).toBe(
      '_prefix=&_version=0&*-._%7E+%2B=x',
    )
    for (const foreign of [
      '',
      'plain',
      '_prefix=a',
      '_prefix=a&_version=x',
      '_prefix=&_version=0',
    ]) {
      expect(rustUrlEncoded.decode(foreign)).toBeUndefined()
    }
  })

  it('reports a mark that is no number as stale, rather than fresh for ever', async () => {
    const backend = connect(options)
    await server.command('HSET', storeKey, 'd', '1', 's', 'soon')
    const found = await backend.get(key)
    expect(found?.staleAt).toBeLessThanOrEqual(systemClock.now())
  })
})

describe('layout string', () => {
  it('refuses the v8 format unless it is asked for by name', () => {
    const v8 = { ...json, id: 'v8' }
    const refused = (options: Partial<RedisBackendOptions>): boolean => {
      try {
        connect(options)
        return false
      } catch (error) {
        return CacheError.is(error, 'INVALID_OPTION')
      }
    }
    expect(refused({ valueFormat: v8 })).toBe(true)
    expect(refused({ acceptFormats: [v8] })).toBe(true)
    expect(refused({ valueFormat: v8, allowV8: true })).toBe(false)
  })

  it('gives batches that are asked for before the time is known their exact lives', async () => {
    const value = cacheValue('v', { ttl: '20s', staleAfter: '10s' })
    await connect().setMany([['a', value]])
    const [first] = await connect().getMany(['a'])
    const found = first?.ok ? first.value : undefined
    expect(Math.abs((found?.staleAt ?? 0) - value.staleAt)).toBeLessThan(15)
  })

  it('drops an entry whose end comes while it waits to be sent, and what it was to replace', async () => {
    const backend = connect({ responseTimeout: '2s' })
    await backend.set('k', lasting('old'))
    server.pause()
    const brief = backend.set('k', cacheValue('brief', { ttl: '30ms' }))
    await new Promise((resolve) => {
      setTimeout(resolve, 60)
    })
    server.resume()
    await brief
    await until('it is over', async () => (await backend.get('k')) === undefined)
  })
})
