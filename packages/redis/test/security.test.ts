import { inspect } from 'node:util'
import { type CacheBackend, cacheValue, type CacheEvent } from '@hitbox/core'
import { type RedisServer, startRedis } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, sentinel, single } from '../src/index.ts'
import { Backends, codeOf, failureOf } from './support.ts'

const VALUE = cacheValue('v', { ttl: '1m' })
const SECRET = 'sesame-4711'
const WRONG = 'guess-0815'
/** Holds what has a meaning in urls. */
const ODD = 'p@ss:w/rd?é%41#'

const backends = new Backends()
afterEach(() => backends.closeAll())

function connect(options: RedisBackendOptions): CacheBackend {
  return backends.add(redisBackend(options))
}

/** All that a log could show of a failure. */
function shown(...things: readonly unknown[]): string {
  return things
    .map((thing) => inspect(thing, { depth: 10, showHidden: true, getters: true }))
    .join('\n')
}

describe('redisBackend with TLS', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ tls: true, password: SECRET })
  })
  afterAll(() => server.stop())

  it('speaks it with rediss, or with the option', async () => {
    const ca = server.tls?.ca
    const byUrl = connect({ connection: single(server.url), tls: { ca } })
    await byUrl.set('k', VALUE)
    expect((await byUrl.get('k'))?.data).toBe('v')
    const { host, port } = server
    const byOption = connect({ connection: single({ host, port }), password: SECRET, tls: { ca } })
    expect((await byOption.get('k'))?.data).toBe('v')
  })

  it('fails on a certificate that nobody vouches for, without a word of the password', async () => {
    const events: CacheEvent[] = []
    const backend = connect({
      connection: single(server.url),
      tls: { ca: [] },
      onEvent: (event) => events.push(event),
    })
    const error = await failureOf(() => backend.get('k'))
    expect(shown(error)).toMatch(/SELF_SIGNED_CERT|UNABLE_TO/)
    expect(shown(error, events, backend)).not.toContain(SECRET)
  })

  it('fails in time when the server does not speak it', async () => {
    await using plain = await startRedis()
    const { host, port } = plain
    const backend = connect({
      connection: single({ host, port }),
      tls: true,
      responseTimeout: '300ms',
    })
    expect(await codeOf(() => backend.get('k'))).toMatch(/TIMEOUT|BACKEND_FAILED/)
  })
})

describe('redisBackend with users', () => {
  let server: RedisServer
  beforeAll(async () => {
    const rules = '~app:* &* +@all -time'
    server = await startRedis({
      password: SECRET,
      aclUsers: [
        { name: 'app', password: 'app-pass', rules: '~app:* +@all' },
        { name: 'timeless', password: 'app-pass', rules },
        { name: 'reader', password: 'app-pass', rules: '~* +get +mget +pttl +time +ping' },
        {
          name: 'least',
          password: 'app-pass',
          rules: '~* -@all +get +mget +set +unlink +pttl +ping',
        },
        {
          name: 'leasthash',
          password: 'app-pass',
          rules: '~* -@all +hmget +hset +unlink +pttl +pexpire +multi +exec +time',
        },
        { name: 'odd', password: ODD, rules: '~* +@all' },
      ],
    })
  })
  afterAll(() => server.stop())

  it('logs in by url and by options, which win', async () => {
    const { host, port } = server
    const byUrl = connect({ connection: single(`redis://app:app-pass@${host}:${port}`) })
    await byUrl.set('app:1', VALUE)
    const connection = single(`redis://app:${WRONG}@${host}:${port}`)
    const byOption = connect({ connection, username: 'app', password: 'app-pass' })
    expect((await byOption.get('app:1'))?.data).toBe('v')
    const odd = single(`redis://odd:${encodeURIComponent(ODD)}@${host}:${port}`)
    expect((await connect({ connection: odd }).get('app:1'))?.data).toBe('v')
    const socket = `unix://odd:${encodeURIComponent(ODD)}@${server.unixSocket}`
    expect((await connect({ connection: single(socket) }).get('app:1'))?.data).toBe('v')
  })

  it('keeps databases apart', async () => {
    const two = connect({ connection: single(`${server.url}/2`) })
    await two.set('app:db', VALUE)
    const byOption = connect({ connection: single(`${server.url}/5`), database: 2 })
    expect((await byOption.get('app:db'))?.data).toBe('v')
    expect(await connect({ connection: single(server.url) }).get('app:db')).toBeUndefined()
  })

  it('connects through a unix socket, by path and by url', async () => {
    const path = server.unixSocket
    const byPath = connect({ connection: single({ path }), password: SECRET, database: 1 })
    await byPath.set('app:sock', VALUE)
    const url = `redis+unix://:${SECRET}@${path}?db=1`
    expect((await connect({ connection: single(url) }).get('app:sock'))?.data).toBe('v')
  })

  it('tells a wrong password from a dead server, and no password at all', async () => {
    const events: CacheEvent[] = []
    const { host, port } = server
    const backend = connect({
      connection: single(`redis://app:${WRONG}@${host}:${port}`),
      onEvent: (event) => events.push(event),
    })
    const errors = [
      await failureOf(() => backend.get('k')),
      await failureOf(() => backend.set('k', VALUE)),
      await failureOf(() => backend.ready({ timeout: '1s' })),
      await failureOf(() => backend.getMany(['k'])),
    ]
    expect(shown(errors)).toContain('WRONGPASS')
    expect(shown(errors, events, backend)).not.toContain(WRONG)
    const none = connect({ connection: single({ host, port }) })
    expect(shown(await failureOf(() => none.get('k')))).toContain('NOAUTH')
  })

  it('tells what is denied at once, and goes on with the rest', async () => {
    const reader = connect({
      connection: single(server.url),
      username: 'reader',
      password: 'app-pass',
    })
    await connect({ connection: single(server.url) }).set('app:denied', VALUE)
    const error = await failureOf(() => reader.set('app:denied', VALUE))
    expect(shown(error)).toContain('NOPERM')
    expect((await reader.get('app:denied'))?.data).toBe('v')
    expect(await codeOf(() => reader.delete('app:denied'))).toBe('BACKEND_FAILED')
  })

  it('keeps lives exact to the millisecond where the server does not tell its time', async () => {
    const options = { connection: single(server.url), username: 'timeless', password: 'app-pass' }
    const backend = connect(options)
    const brief = cacheValue('v', { ttl: '400ms', staleAfter: '150ms' })
    for (const layout of ['string', 'hash'] as const) {
      const own = connect({ ...options, layout })
      await own.set('app:brief', brief)
      const found = await own.get('app:brief')
      expect(Math.abs((found?.expiresAt ?? 0) - brief.expiresAt)).toBeLessThan(15)
      expect(Math.abs((found?.staleAt ?? 0) - brief.staleAt)).toBeLessThan(15)
      const [many] = await own.getMany(['app:brief', 'app:none'])
      const value = many?.ok ? many.value : undefined
      expect(Math.abs((value?.expiresAt ?? 0) - brief.expiresAt)).toBeLessThan(15)
      await own.delete('app:brief')
    }
    expect(await backend.get('app:none')).toBeUndefined()
  })

  it('needs no other commands than it says', async () => {
    const login = { connection: single(server.url), password: 'app-pass' }
    const strings = connect({ ...login, username: 'least' })
    const hashes = connect({ ...login, username: 'leasthash', layout: 'hash' })
    await strings.ready({ timeout: '1s' })
    for (const backend of [strings, hashes]) {
      const key = `app:least:${backend === hashes ? 'hash' : 'string'}`
      await backend.set(key, cacheValue('v', { ttl: '1m', staleAfter: '1s' }))
      expect((await backend.get(key))?.data).toBe('v')
      const [read] = await backend.getMany([key, 'app:none'])
      expect(read?.ok && read.value?.data).toBe('v')
      expect((await backend.delete(key)).count).toBe(1)
    }
  })

  it('misses what never ends but goes stale, where the time is denied', async () => {
    const backend = connect({
      connection: single(server.url),
      username: 'timeless',
      password: 'app-pass',
    })
    const never = Number.POSITIVE_INFINITY
    const { staleAt } = cacheValue('v', { ttl: '1m' })
    await backend.set('app:lasting', { data: 'v', staleAt, expiresAt: never })
    expect(await backend.get('app:lasting')).toBeUndefined()
    expect(backend.stats().dropped).toEqual({ 'unknown-age': 1 })
    await backend.set('app:lasting', { data: 'v', staleAt: never, expiresAt: never })
    expect((await backend.get('app:lasting'))?.data).toBe('v')
  })

  it('reads what a writer without the time wrote, with its exact life', async () => {
    const writer = connect({
      connection: single(server.url),
      username: 'timeless',
      password: 'app-pass',
    })
    const reader = connect({ connection: single(server.url) })
    await reader.get('app:any')
    const value = cacheValue('v', { ttl: '20s', staleAfter: '10s' })
    await writer.set('app:unaged', value)
    const found = await reader.get('app:unaged')
    expect(Math.abs((found?.expiresAt ?? 0) - value.expiresAt)).toBeLessThan(15)
    expect(Math.abs((found?.staleAt ?? 0) - value.staleAt)).toBeLessThan(15)
    const [many] = await reader.getMany(['app:unaged'])
    const batched = many?.ok ? many.value : undefined
    expect(Math.abs((batched?.staleAt ?? 0) - value.staleAt)).toBeLessThan(15)
  })
})

describe('what is made for a backend', () => {
  it('shows no password, however it is looked at', () => {
    const connection = single(`redis://app:${SECRET}@host:6379`)
    const watched = sentinel('main', [`redis://app:${SECRET}@host`], { password: SECRET })
    const backend = connect({ connection, password: SECRET })
    expect(shown(backend)).not.toContain(SECRET)
    for (const made of [connection, watched]) {
      expect(inspect(made, { depth: 10 })).not.toContain(SECRET)
      expect(JSON.stringify(made)).not.toContain(SECRET)
    }
  })
})
