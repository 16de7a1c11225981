import { AsyncLocalStorage } from 'node:async_hooks'
import { createConnection, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import {
  expectNoLeaks,
  type Fault,
  type FaultProxy,
  faultProxy,
  type RedisServer,
  startRedis,
  until,
} from '@hitbox/testing'
import { type Cache, CacheError } from 'hitbox'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import { Caches } from './support/caches.ts'
import { OwnTime } from './support/own-time.ts'

const RESPONSE_MS = 150
const TIER_MS = 400
const CLOSE_MS = 200
const SLACK_MS = 100
const CALLERS = 12
const CALLS = amount(40, 1_000)

/** How many questions to the server a call asks one after the other: each takes `responseTimeout` at most. */
const operations = {
  get: { questions: 2, run: (cache, index) => cache.get(`k${index % 8}`) },
  has: { questions: 2, run: (cache, index) => cache.has(`k${index % 8}`) },
  'get with a barrier': {
    questions: 3,
    run: (cache, index) => cache.get(`k${index % 8}`, { fresh: 'barrier' }),
  },
  getMany: { questions: 2, run: (cache, index) => cache.getMany([`k${index % 8}`, `m${index}`]) },
  getOrLoad: { questions: 3, run: (cache, index) => cache.getOrLoad(`l${index}`, () => 1) },
  'getOrLoad with a barrier': {
    questions: 4,
    run: (cache, index) => cache.getOrLoad(`l${index}`, () => 1, { fresh: 'barrier' }),
  },
  getOrLoadMany: {
    questions: 3,
    run: (cache, index) =>
      cache.getOrLoadMany([`l${index}`, `o${index}`], (missing) => missing.map(() => 1)),
  },
  set: { questions: 2, run: (cache, index) => cache.set(`s${index}`, 1) },
  delete: { questions: 1, run: (cache, index) => cache.delete(`d${index}`) },
  expire: { questions: 1, run: (cache, index) => cache.expire(`e${index}`) },
  invalidateTags: { questions: 2, run: (cache, index) => cache.invalidateTags(`t${index}`) },
  clear: { questions: 1, run: (cache) => cache.namespace('n').clear() },
} as const satisfies Record<
  string,
  { questions: number; run: (cache: Cache<number>, index: number) => Promise<unknown> }
>

type Name = keyof typeof operations
const NAMES = Object.keys(operations) as Name[]
/** A read never fails because of a tier. */
const READS: readonly Name[] = NAMES.filter((name) => name.startsWith('get') || name === 'has')

interface World {
  readonly server: RedisServer
  readonly proxy: FaultProxy
}

interface Trouble {
  readonly name: string
  readonly breakIt: (world: World) => Promise<unknown> | void
  readonly mendIt: (world: World) => Promise<unknown> | void
}

const onTheWay = (name: string, fault: Fault): Trouble => ({
  name,
  breakIt: ({ proxy }) => proxy.set(fault),
  mendIt: ({ proxy }) => proxy.set('pass'),
})

const troubles: readonly Trouble[] = [
  {
    name: 'stands still',
    breakIt: ({ server }) => server.pause(),
    mendIt: ({ server }) => server.resume(),
  },
  {
    name: 'was killed',
    breakIt: ({ server }) => server.kill(),
    mendIt: ({ server }) => server.restart(),
  },
  onTheWay('refuses connections', 'refuse'),
  onTheWay('accepts connections and never answers', 'black-hole'),
  onTheWay('is half open: nothing comes from it', { stall: 'to-client' }),
  onTheWay('is half open: nothing comes to it', { stall: 'to-server' }),
  onTheWay('is cut off in the middle of an answer', { cutAfter: 7 }),
  {
    name: 'is loading its data',
    breakIt: ({ server }) => load(server),
    mendIt: ({ server }) => server.restart(),
  },
  {
    name: 'takes no writes, as a replica',
    breakIt: ({ server }) => server.command('REPLICAOF', '127.0.0.1', 1),
    mendIt: ({ server }) => server.command('REPLICAOF', 'NO', 'ONE'),
  },
]

const named = troubles.map((trouble) => [trouble.name, trouble] as const)

let admin: Socket | undefined

/** Where what belongs to the test itself is opened: it is not the cache that leaves it behind. */
const outside = AsyncLocalStorage.snapshot()

/** Has it read its data again, which takes some seconds, since it is told to be slow about each key. */
async function load(server: RedisServer): Promise<void> {
  await server.command('DEBUG', 'POPULATE', 20_000, 'filler', 100)
  await server.command('CONFIG', 'SET', 'key-load-delay', 500)
  await server.command('CONFIG', 'SET', 'loading-process-events-interval-bytes', 1_024)
  admin = createConnection({ host: server.host, port: server.port })
  admin.on('error', () => undefined)
  admin.write('DEBUG RELOAD\r\n')
  await until('the server is loading', () =>
    server.command('GET', 'k').then(
      () => false,
      (error: unknown) => inspect(error).includes('LOADING'),
    ),
  )
}

describe('G4 every call ends within its deadline', () => {
  let world: World
  const time = new OwnTime()
  const caches = new Caches()

  beforeEach(async () => {
    const server = await startRedis({ config: ['--enable-debug-command', 'yes'] })
    world = { server, proxy: await faultProxy(server) }
  })
  afterEach(async () => {
    admin?.destroy()
    await world.proxy.close()
    await world.server.stop()
  })

  afterAll(() => time[Symbol.dispose]())

  function opened(): Cache<number> {
    return caches.open(world.proxy, {
      redis: {
        responseTimeout: `${RESPONSE_MS}ms`,
        connectTimeout: `${RESPONSE_MS}ms`,
        maxStale: '300ms',
      },
      cache: { tierTimeout: `${TIER_MS}ms`, tags: ['all'] },
    })
  }

  /** The first connection may be late on a busy machine, which is not the point. */
  async function filled(cache: Cache<number>): Promise<void> {
    await until('there are values', async () => {
      for (let index = 0; index < 8; index += 1) await cache.set(`k${index}`, index)
      return true
    })
  }

  /** Longest that a call of each kind took, and what calls failed with. */
  class Measured {
    readonly longestMs = new Map<Name, number>()
    readonly codes = new Map<Name, Set<string>>()

    /** All operations at the same time, so many calls of each. */
    async round(cache: Cache<number>, calls: number, then?: () => unknown): Promise<void> {
      const all = NAMES.flatMap((name) =>
        Array.from({ length: calls }, (_, index) => this.#one(name, cache, index)),
      )
      await then?.()
      await Promise.all(all)
    }

    async #one(name: Name, cache: Cache<number>, index: number): Promise<void> {
      const begun = time.now()
      try {
        await operations[name].run(cache, index)
      } catch (error) {
        const code = CacheError.is(error) ? error.code : inspect(error)
        this.codes.set(name, (this.codes.get(name) ?? new Set()).add(code))
      }
      const took = time.now() - begun
      this.longestMs.set(name, Math.max(this.longestMs.get(name) ?? 0, took))
    }
  }

  it.each(named)(
    `when the server %s: ${NAMES.length} operations, ${CALLS} calls of each, and nothing is left behind`,
    async (_, { breakIt, mendIt }) => {
      await expectNoLeaks(async () => {
        const measured = new Measured()
        const cache = opened()
        await filled(cache)
        // Some are under way when it begins, some meet it, some find what it has left.
        await measured.round(cache, Math.ceil(CALLS / 4), () => outside(() => breakIt(world)))
        await measured.round(cache, Math.ceil(CALLS / 2))
        await measured.round(cache, Math.ceil(CALLS / 4))
        const late = NAMES.flatMap((name) => {
          const mostMs = operations[name].questions * RESPONSE_MS + SLACK_MS
          const longestMs = measured.longestMs.get(name) ?? 0
          return longestMs > mostMs ? [{ name, longestMs, mostMs }] : []
        })
        expect(late).toEqual([])
        expect(READS.filter((name) => measured.codes.has(name))).toEqual([])
        for (const codes of measured.codes.values())
          for (const code of codes) expect(['TIMEOUT', 'BACKEND_FAILED']).toContain(code)

        await outside(() => mendIt(world))
        admin?.destroy()
        await until('every operation succeeds again', async () => {
          const again = new Measured()
          await again.round(cache, 1)
          const { context } = await cache.get.withContext('nothing')
          return again.codes.size === 0 && context.failures.length === 0
        })
        await caches.close(cache)
      })
    },
    120_000,
  )

  it.each([
    { loadMs: 20, questions: 1 },
    { loadMs: 1_000, questions: 3 },
  ])(
    'when callers for one key come one after the other and the server never answers, a load of $loadMs ms',
    async ({ loadMs, questions }) => {
      // All as by default, where what is known is believed for no longer than an answer may take.
      const cache = caches.open(world.proxy)
      await filled(cache)
      await outside(() => world.proxy.set('black-hole'))
      const load = (): Promise<number> => setTimeout(loadMs, 1)
      const took: Promise<number>[] = []
      const clocked = async (call: Promise<unknown>): Promise<number> => {
        const begun = time.now()
        await call
        return time.now() - begun
      }
      for (let caller = 0; caller < CALLERS; caller += 1) {
        took.push(
          clocked(cache.getOrLoad('cold', load)),
          clocked(cache.getOrLoadMany(['cold'], async () => [await load()])),
        )
        await setTimeout(100)
      }
      const longestMs = Math.max(...(await Promise.all(took)))
      expect(longestMs).toBeLessThan(questions * 1_000 + loadMs + SLACK_MS)
      await caches.close(cache)
    },
  )

  it.each(named)('when the server %s: close, with calls under way', async (_, { breakIt }) => {
    await expectNoLeaks(async () => {
      const cache = opened()
      await filled(cache)
      await outside(() => breakIt(world))
      const calls = new Measured().round(cache, 5)
      const begun = time.now()
      await cache.close({ timeout: `${CLOSE_MS}ms` })
      expect(time.now() - begun).toBeLessThan(CLOSE_MS + RESPONSE_MS + SLACK_MS)
      // Whoever was waiting has his answer.
      await calls
      admin?.destroy()
    })
  })
})
