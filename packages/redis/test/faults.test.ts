import { inspect } from 'node:util'
import { type CacheBackend, CacheError, cacheValue, type ItemResult } from '@hitbox/core'
import {
  type Fault,
  type FaultProxy,
  faultProxy,
  type RedisServer,
  startRedis,
  until,
} from '@hitbox/testing'
import { RedisClient } from '@redis/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'
import { Backends, failureOf } from './support.ts'

const RESPONSE_MS = 150
/** How much later than its deadline an operation may settle on a busy machine. */
const SLACK_MS = 50
const VALUE = cacheValue({ name: 'Ada' }, { ttl: '1m' })

type Layout = 'string' | 'hash'
type Broken = 'TIMEOUT' | 'BACKEND_FAILED'

/** What an operation comes to: a code it fails with, or `fine`. */
type Outcome = Broken | 'fine'

const operations = {
  get: (backend) => backend.get('get'),
  set: (backend) => backend.set('set', VALUE),
  delete: (backend) => backend.delete('delete'),
  getMany: async (backend) => items(await backend.getMany(['getMany', 'other'])),
  setMany: async (backend) => items(await backend.setMany([['setMany', VALUE]])),
  deleteMany: async (backend) => items(await backend.deleteMany(['deleteMany', 'other'])),
  ready: (backend) => backend.ready({ timeout: `${RESPONSE_MS}ms` }),
  close: (backend) => backend.close(),
} as const satisfies Record<string, (backend: CacheBackend) => unknown>

type Name = keyof typeof operations

/** Fails when an item has. */
function items(results: readonly ItemResult<unknown>[]): void {
  for (const result of results) if (!result.ok) throw result.error
}

interface World {
  readonly server: RedisServer
  readonly proxy: FaultProxy
}

interface FaultCase {
  readonly name: string
  /** A backend that has been used is broken, unless said otherwise. */
  readonly unused?: boolean
  readonly layout?: Layout
  /** Whether the proxy is what breaks. */
  readonly proxied?: boolean
  readonly options?: Partial<RedisBackendOptions>
  breakIt(world: World): Promise<void> | void
  mendIt(world: World): Promise<unknown> | void
  /** What each operation comes to; `rest` is for those not named, and `close` is fine always. */
  readonly outcomes: Partial<Record<Name, Outcome>> & { readonly rest: Outcome }
}

const throughProxy = (
  name: string,
  fault: Fault,
  rest: Broken,
  more: Partial<FaultCase> = {},
): FaultCase => ({
  name,
  proxied: true,
  breakIt: ({ proxy }) => proxy.set(fault),
  mendIt: ({ proxy }) => proxy.set('pass'),
  outcomes: { rest },
  ...more,
})

const faults: readonly FaultCase[] = [
  {
    name: 'stands still',
    breakIt: ({ server }) => server.pause(),
    mendIt: ({ server }) => server.resume(),
    outcomes: { rest: 'TIMEOUT' },
  },
  {
    name: 'stands still, and was never connected to',
    unused: true,
    breakIt: ({ server }) => server.pause(),
    mendIt: ({ server }) => server.resume(),
    outcomes: { rest: 'TIMEOUT' },
  },
  {
    name: 'was killed',
    breakIt: ({ server }) => server.kill(),
    mendIt: ({ server }) => server.restart(),
    outcomes: { rest: 'BACKEND_FAILED' },
  },
  throughProxy('refuses connections', 'refuse', 'BACKEND_FAILED'),
  throughProxy('refuses connections from the start', 'refuse', 'BACKEND_FAILED', { unused: true }),
  throughProxy('resets connections', 'reset', 'BACKEND_FAILED'),
  throughProxy('accepts and never answers', 'black-hole', 'TIMEOUT'),
  throughProxy('accepts and never answers, from the start', 'black-hole', 'TIMEOUT', {
    unused: true,
  }),
  throughProxy('answers half and then is silent', { stall: 'to-client' }, 'TIMEOUT'),
  throughProxy('is cut off in the middle of an answer', { cutAfter: 1 }, 'BACKEND_FAILED'),
  throughProxy('answers what is no Redis protocol', 'garbage', 'BACKEND_FAILED'),
  {
    name: 'takes no writes',
    breakIt: ({ server }) => server.command('REPLICAOF', '127.0.0.1', 1).then(() => undefined),
    mendIt: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
    outcomes: { get: 'fine', getMany: 'fine', ready: 'fine', rest: 'BACKEND_FAILED' },
  },
  {
    name: 'does not have the replicas it needs to take writes',
    breakIt: ({ server }) =>
      server.command('CONFIG', 'SET', 'min-replicas-to-write', 1).then(() => undefined),
    mendIt: ({ server }) => server.command('CONFIG', 'SET', 'min-replicas-to-write', 0),
    outcomes: { get: 'fine', getMany: 'fine', ready: 'fine', rest: 'BACKEND_FAILED' },
  },
  {
    name: 'is out of memory',
    breakIt: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 1).then(() => undefined),
    mendIt: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 0),
    outcomes: { set: 'BACKEND_FAILED', setMany: 'BACKEND_FAILED', rest: 'fine' },
  },
  {
    name: 'is loading its data',
    breakIt: ({ server }) => load(server),
    mendIt: ({ server }) => loaded(server),
    outcomes: { rest: 'BACKEND_FAILED' },
  },
  {
    name: 'holds another type',
    breakIt: ({ server }) => hold(server, ['RPUSH', 'a']),
    mendIt: ({ server }) => server.command('FLUSHALL'),
    // MGET takes what is no string for nothing at all; a write replaces it.
    outcomes: { get: 'BACKEND_FAILED', rest: 'fine' },
  },
  {
    name: 'holds another type, layout hash',
    layout: 'hash',
    breakIt: ({ server }) => hold(server, ['SET', 'a']),
    mendIt: ({ server }) => server.command('FLUSHALL'),
    outcomes: { get: 'BACKEND_FAILED', getMany: 'BACKEND_FAILED', rest: 'fine' },
  },
  {
    name: 'is out of memory, layout hash',
    layout: 'hash',
    breakIt: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 1).then(() => undefined),
    mendIt: ({ server }) => server.command('CONFIG', 'SET', 'maxmemory', 0),
    outcomes: { set: 'BACKEND_FAILED', setMany: 'BACKEND_FAILED', rest: 'fine' },
  },
  {
    name: 'stands still, layout hash',
    layout: 'hash',
    breakIt: ({ server }) => server.pause(),
    mendIt: ({ server }) => server.resume(),
    outcomes: { rest: 'TIMEOUT' },
  },
]

async function hold(server: RedisServer, words: readonly [string, ...string[]]): Promise<void> {
  const [command, ...rest] = words
  for (const key of Object.keys(operations)) {
    await server.command('DEL', key)
    await server.command(command, key, ...rest)
  }
}

/** Has it read its data again, which takes some seconds, since it is told to be slow about each key. */
async function load(server: RedisServer): Promise<void> {
  await server.command('DEBUG', 'POPULATE', 20_000, 'filler', 100)
  await server.command('CONFIG', 'SET', 'key-load-delay', 500)
  await server.command('CONFIG', 'SET', 'loading-process-events-interval-bytes', 1_024)
  const admin = new RedisClient({ url: server.url })
  admin.on('error', () => undefined)
  await admin.connect()
  // Not answered: it is ended while it loads.
  admin.sendCommand(['DEBUG', 'RELOAD']).catch(() => admin.destroy())
  await until('the server is loading', () =>
    server.command('GET', 'k').then(
      () => false,
      (error: unknown) => inspect(error).includes('LOADING'),
    ),
  )
}

async function loaded(server: RedisServer): Promise<void> {
  await server.restart()
  await server.command('FLUSHALL')
}

describe('redisBackend on a server that', () => {
  let world: World
  const strays: unknown[] = []
  const backends = new Backends()
  const collect = (error: unknown): void => void strays.push(error)

  beforeAll(async () => {
    const server = await startRedis({ config: ['--enable-debug-command', 'yes'] })
    world = { server, proxy: await faultProxy(server) }
    process.on('unhandledRejection', collect)
    process.on('uncaughtException', collect)
  })
  afterAll(async () => {
    process.off('unhandledRejection', collect)
    process.off('uncaughtException', collect)
    await world.proxy.close()
    await world.server.stop()
  })
  afterEach(() => backends.closeAll())

  function connect(fault: FaultCase): CacheBackend {
    const { layout = 'string', options = {}, proxied = false } = fault
    const { host, port } = proxied ? world.proxy : world.server
    const backend = redisBackend({
      connection: single({ host, port }),
      responseTimeout: `${RESPONSE_MS}ms`,
      layout,
      ...options,
    })
    return backends.add(backend)
  }

  for (const fault of faults) {
    it(`${fault.name} settles every operation in time, and works again at once`, async () => {
      const names = Object.keys(operations) as Name[]
      // One for each operation: none shall profit from what another has found out.
      const each = names.map((name) => ({ name, backend: connect(fault) }))
      if (fault.unused !== true) {
        for (const { backend } of each) {
          await backend.set('k', VALUE)
          await backend.get('k')
        }
      }
      await fault.breakIt(world)
      const found: Partial<Record<Name, string>> = {}
      const late: string[] = []
      try {
        await Promise.all(
          each.map(async ({ name, backend }) => {
            const begun = performance.now()
            const error = await failureOf(() => operations[name](backend))
            const tookMs = performance.now() - begun
            if (tookMs > RESPONSE_MS + SLACK_MS) late.push(`${name} took ${tookMs} ms`)
            if (error === undefined) found[name] = 'fine'
            else found[name] = CacheError.is(error) ? error.code : inspect(error)
          }),
        )
      } finally {
        await fault.mendIt(world)
      }
      expect(found).toEqual(
        Object.fromEntries(
          names.map((name) => [
            name,
            name === 'close' ? 'fine' : (fault.outcomes[name] ?? fault.outcomes.rest),
          ]),
        ),
      )
      expect(late).toEqual([])
      const failed: unknown[] = []
      for (const { name, backend } of each) {
        if (name === 'close') continue
        // The very first one after the recovery.
        const error = await failureOf(() => operations[name](backend))
        if (error !== undefined) failed.push([name, error])
        await backend.set('k', VALUE)
        expect((await backend.get('k'))?.data).toEqual({ name: 'Ada' })
      }
      expect(failed).toEqual([])
      expect(strays).toEqual([])
    }, 60_000)
  }
})
