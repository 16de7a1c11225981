import { inspect } from 'node:util'
import { CacheError } from '@hitbox/core'
import { describe, expect, it } from 'vitest'
import {
  client,
  cluster,
  redisBackend,
  type RedisBackendOptions,
  sentinel,
  single,
} from '../src/index.ts'

const connection = single('redis://localhost')

function refusalOf(make: () => unknown): CacheError<'INVALID_OPTION'> {
  try {
    make()
  } catch (error) {
    if (CacheError.is(error, 'INVALID_OPTION')) return error
    throw error
  }
  throw new Error('it was not refused')
}

/** The option that is named by what is refused. */
function refused(make: () => unknown): string {
  return refusalOf(make).details.option
}

describe('single', () => {
  it.for([
    ['not a url', 'url'],
    ['http://host', 'url'],
    ['redis://', 'url'],
    ['redis://host:port', 'url'],
    ['redis://host:99999', 'url'],
    ['redis://host/one', 'url'],
    ['redis://host/1/2', 'url'],
    ['redis://host?timeout=1', 'url'],
    ['redis://us%er@host', 'url'],
    ['redis+unix://', 'url'],
    ['redis+unix:///sock?db=x', 'url'],
    ['', 'url'],
  ] as const)('refuses %s', ([url, option]) => {
    expect(refused(() => single(url))).toBe(option)
  })

  it.for([
    [{ host: '' }, 'single.host'],
    [{ port: 0 }, 'single.port'],
    [{ port: 1.5 }, 'single.port'],
    [{ path: '' }, 'single.path'],
    [{ path: '/sock', host: 'h' }, 'single.path'],
    [{ url: 'redis://h', host: 'h' }, 'single'],
    [{ url: 1 }, 'url'],
    [{ hots: 'h' }, 'hots'],
    [{ database: -1 }, 'database'],
  ] as const)('refuses %j', ([options, option]) => {
    expect(refused(() => single(options as never))).toBe(option)
  })

  it('takes every form of a url', () => {
    for (const url of [
      'redis://host',
      'redis://host/',
      'redis://:pass@host:1/15',
      'redis://user:pass@[::1]:6379?db=3',
      'rediss://host',
      'valkey://host',
      'valkeys://host',
      'unix:///run/redis.sock',
      'redis+unix://user:pass@/run/redis.sock?db=2',
    ]) {
      expect(single(url).mode).toBe('single')
      if (URL.canParse(url)) expect(single(new URL(url)).mode).toBe('single')
    }
  })

  it('does not repeat a url it refuses, which may hold a password', () => {
    for (const url of [
      'redis://:sesame@host:port',
      'redis://:sesame@host/x',
      'redsi://:sesame@h',
    ]) {
      const error = refusalOf(() => single(url))
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('sesame')
    }
  })
})

describe('cluster and sentinel', () => {
  it('refuse what they cannot use', () => {
    expect(refused(() => cluster([]))).toBe('nodes')
    expect(refused(() => cluster('redis://host' as never))).toBe('nodes')
    expect(refused(() => cluster(['redis://host', 'nonsense']))).toBe('nodes[1]')
    expect(refused(() => cluster(['redis://host'], { readFromReplica: true } as never))).toBe(
      'readFromReplica',
    )
    expect(refused(() => cluster(['redis://host'], { readFromReplicas: 1 } as never))).toBe(
      'readFromReplicas',
    )
    expect(refused(() => sentinel('', ['redis://host']))).toBe('name')
    expect(refused(() => sentinel('main', []))).toBe('nodes')
    expect(refused(() => sentinel('main', [{ port: 'x' } as never]))).toBe('nodes[0].port')
    const sockets = cluster([{ path: '/sock' }])
    expect(refused(() => redisBackend({ connection: sockets }))).toBe('nodes')
  })
})

describe('client', () => {
  it('refuses what is no client of one server', () => {
    for (const other of [undefined, {}, { isOpen: true, isReady: true }]) {
      expect(refused(() => client(other as never))).toBe('client')
    }
  })
})

describe('redisBackend', () => {
  it.for([
    [{}, 'connection'],
    [{ connection: 'redis://host' }, 'connection'],
    [{ connection, responsTimeout: '1s' }, 'responsTimeout'],
    [{ connection, responseTimeout: '0ms' }, 'responseTimeout'],
    [{ connection, responseTimeout: 300 - 300 }, 'responseTimeout'],
    [{ connection, responseTimeout: Number.POSITIVE_INFINITY }, 'responseTimeout'],
    [{ connection, connectTimeout: 'soon' }, 'connectTimeout'],
    [{ connection, retries: -1 }, 'retries'],
    [{ connection, retries: 1.5 }, 'retries'],
    [{ connection, retries: 11 }, 'retries'],
    [{ connection, maxPending: 0 }, 'maxPending'],
    [{ connection, layout: 'list' }, 'layout'],
    [{ connection, label: 'a.b' }, 'label'],
    [{ connection, keyFormat: {} }, 'keyFormat'],
    [{ connection, valueFormat: {} }, 'valueFormat'],
    [{ connection, compressor: {} }, 'compressor'],
    [{ connection, username: 'only' }, 'password'],
    [{ connection, username: '', password: 'p' }, 'username'],
    [{ connection, password: 1 }, 'password'],
    [{ connection, database: 'one' }, 'database'],
    [{ connection, tls: 'yes' }, 'tls'],
    [{ connection: single('rediss://host'), tls: false }, 'tls'],
    [{ connection: single({ path: '/sock' }), tls: true }, 'tls'],
    [{ connection: cluster(['redis://host']), database: 1 }, 'database'],
    [{ connection, maxValueBytes: 0 }, 'maxValueBytes'],
    [{ connection, allowV8: 1 }, 'allowV8'],
    [{ connection, coherence: 'on' }, 'coherence'],
    [{ connection, maxStale: '29ms' }, 'maxStale'],
    [{ connection, maxStale: Number.POSITIVE_INFINITY }, 'maxStale'],
    [{ connection, leaseTime: '49ms' }, 'leaseTime'],
    [{ connection, leaseTime: Number.POSITIVE_INFINITY }, 'leaseTime'],
    [{ connection, epoch: 'lax' }, 'epoch'],
    [
      {
        connection: cluster(['redis://host'], { readFromReplicas: true }),
        coherence: 'pubsub',
      },
      'coherence',
    ],
  ] as const)('refuses %j at once', ([options, option]) => {
    expect(refused(() => redisBackend(options as never))).toBe(option)
  })

  it('does not show a password it refuses', () => {
    const password = ['sesame'] as never
    const error = refusalOf(() => redisBackend({ connection, password }))
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('sesame')
  })

  it('does not connect before it is used, nor needs anybody to listen', async () => {
    const options: RedisBackendOptions = { connection: single('redis://127.0.0.1:1') }
    const backend = redisBackend(options)
    await backend.close()
  })
})
