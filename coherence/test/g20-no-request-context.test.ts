import { AsyncLocalStorage } from 'node:async_hooks'
import { deferred, type RedisServer, startRedis, until } from '@hitbox/testing'
import { type Cache, defineCache } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Caches } from './support/caches.ts'

const MADE = 'where the cache was made'
const FIRST = 'the first request'
const SECOND = 'the second request'

describe('G20 background work carries no request context', () => {
  let server: RedisServer
  const request = new AsyncLocalStorage<string>()
  const caches = new Caches()

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(async () => {
    await caches.closeAll()
    await server.command('FLUSHALL')
  })

  const opened = (asyncContext: 'cache' | 'caller' = 'cache'): Cache<number> =>
    request.run(MADE, () =>
      caches.open(server.url, {
        redis: { leaseTime: '300ms' },
        cache: { asyncContext, retryAfter: '50ms' },
      }),
    )

  /** Every way in which a loader comes to run for a request, with the store that it sees. */
  const ways: Record<string, (cache: Cache<number>, see: () => void) => Promise<unknown>> = {
    getOrLoad: (cache, see) =>
      cache.getOrLoad('k', () => {
        see()
        return 1
      }),
    'getOrLoad, after a wait': (cache, see) =>
      cache.getOrLoad('k', async () => {
        await turn()
        see()
        return 1
      }),
    getOrLoadMany: (cache, see) =>
      cache.getOrLoadMany(['k', 'l'], (missing) => {
        see()
        return missing.map(() => 1)
      }),
    fn: (cache, see) =>
      cache.fn('f', (id: number) => {
        see()
        return id
      })(1),
    defineCache: (cache, see) =>
      defineCache(
        {
          user: {
            load: (id: number) => {
              see()
              return id
            },
          },
        },
        cache,
      ).user(1),
    reload: (cache, see) =>
      cache.getOrLoad(
        'k',
        () => {
          see()
          return 1
        },
        { reload: true },
      ),
    'a refresh behind': async (cache, see) => {
      await cache.set('k', 0, { staleAfter: 0 })
      const done = deferred()
      await cache.getOrLoad('k', () => {
        see()
        done.resolve()
        return 1
      })
      await done.promise
    },
    'a refresh behind of a batch': async (cache, see) => {
      await cache.setMany(
        [
          ['k', 0],
          ['l', 0],
        ],
        { staleAfter: 0 },
      )
      const done = deferred()
      await cache.getOrLoadMany(['k', 'l'], (missing) => {
        see()
        done.resolve()
        return missing.map(() => 1)
      })
      await done.promise
    },
    'a wait for the lease of another process': async (cache, see) => {
      const other = caches.open(server.url)
      const holds = deferred()
      const gate = deferred<number>()
      const held = other.getOrLoad('k', () => {
        holds.resolve()
        return gate.promise
      })
      await holds.promise
      const waiting = cache.getOrLoad('k', () => {
        see()
        return 1
      })
      gate.reject(new Error('the holder gives up'))
      await held.catch(() => undefined)
      await waiting
    },
    'another try after a failure': async (cache, see) => {
      await cache.set('k', 0, { staleAfter: 0 })
      let tries = 0
      const load = (): number => {
        tries += 1
        if (tries === 1) throw new Error('the source is down')
        see()
        return 1
      }
      await until('it is tried again', async () => {
        await cache.getOrLoad('k', load)
        return tries > 1
      })
    },
  }
  const names = Object.keys(ways)

  async function seen(name: string, asyncContext: 'cache' | 'caller'): Promise<unknown[]> {
    const cache = opened(asyncContext)
    await cache.ready()
    const stores: unknown[] = []
    const way = ways[name] as (cache: Cache<number>, see: () => void) => Promise<unknown>
    await request.run(FIRST, () => way(cache, () => stores.push(request.getStore())))
    return stores
  }

  it.each(names)('a loader does not see the request that began it: %s', async (name) => {
    expect(await seen(name, 'cache')).toEqual([MADE])
  })

  it.each(names)(
    "a loader sees it where that is wanted, with asyncContext 'caller': %s",
    async (name) => {
      expect(await seen(name, 'caller')).toEqual([FIRST])
    },
  )

  it("who waits has his own context back, whoever's load it is", async () => {
    const cache = opened()
    const gate = deferred<number>()
    const reader = (store: string): Promise<unknown> =>
      request.run(store, async () => {
        await cache.getOrLoad('k', () => gate.promise)
        return request.getStore()
      })
    const both = [reader(FIRST), reader(SECOND)]
    gate.resolve(1)
    expect(await Promise.all(both)).toEqual([FIRST, SECOND])
  })

  describe('and no signal', () => {
    /** Two callers of one load; the first leaves. */
    async function left(
      call: (
        cache: Cache<number>,
        load: (signal: AbortSignal) => Promise<number>,
        signal: AbortSignal | undefined,
      ) => Promise<unknown>,
    ): Promise<void> {
      const cache = opened()
      await cache.ready()
      const controller = new AbortController()
      const reason = new Error('the client is gone')
      const begun = deferred()
      const gate = deferred<number>()
      const signals: AbortSignal[] = []
      const load = (signal: AbortSignal): Promise<number> => {
        signals.push(signal)
        begun.resolve()
        return gate.promise
      }
      const first = call(cache, load, controller.signal)
      const firstEnds = first.catch((error: unknown) => error)
      await begun.promise
      const second = call(cache, load, undefined)
      await turn()
      controller.abort(reason)
      expect(await firstEnds).toBe(reason)
      expect(signals).toHaveLength(1)
      expect(signals[0]).not.toBe(controller.signal)
      expect(signals[0]?.aborted).toBe(false)
      gate.resolve(1)
      await second
      expect(signals).toHaveLength(1)
    }

    it('the abort of the first caller does not fail the second: getOrLoad', () =>
      left(async (cache, load, signal) => {
        const value = await cache.getOrLoad('k', (context) => load(context.signal), { signal })
        expect(value).toBe(1)
      }))

    it('the abort of the first caller does not fail the second: getOrLoadMany', () =>
      left(async (cache, load, signal) => {
        const all = async (
          missing: readonly string[],
          context: { readonly signal: AbortSignal },
        ): Promise<number[]> => {
          const value = await load(context.signal)
          return missing.map(() => value)
        }
        expect(await cache.getOrLoadMany(['k', 'l'], all, { signal })).toEqual([1, 1])
      }))

    it('nor does it while they wait for the lease of another process', async () => {
      const [cache, other] = [opened(), opened()]
      await cache.ready()
      const holds = deferred()
      const gate = deferred<number>()
      const held = other.getOrLoad('k', () => {
        holds.resolve()
        return gate.promise
      })
      await holds.promise
      const controller = new AbortController()
      const reason = new Error('the client is gone')
      const { signal } = controller
      const first = cache.getOrLoad('k', () => 2, { signal })
      const second = cache.getOrLoad('k', () => 2)
      const firstEnds = first.catch((error: unknown) => error)
      await turn()
      controller.abort(reason)
      expect(await firstEnds).toBe(reason)
      gate.resolve(1)
      expect(await held).toBe(1)
      expect(await second).toBe(1)
    })

    it('a refresh behind goes on when the request that met the old value is aborted', async () => {
      const cache = opened()
      await cache.set('k', 0, { staleAfter: 0 })
      const controller = new AbortController()
      const begun = deferred<AbortSignal>()
      const gate = deferred<number>()
      const { signal } = controller
      const load = (context: { readonly signal: AbortSignal }): Promise<number> => {
        begun.resolve(context.signal)
        return gate.promise
      }
      expect(await cache.getOrLoad('k', load, { signal })).toBe(0)
      const own = await begun.promise
      controller.abort()
      expect(own.aborted).toBe(false)
      gate.resolve(1)
      await until('it is made anew', async () => (await cache.get('k', { fresh: 'barrier' })) === 1)
    })

    it('a load is aborted when the last of its callers has left', async () => {
      const cache = opened()
      await cache.ready()
      const begun = deferred<AbortSignal>()
      const controllers = [new AbortController(), new AbortController()] as const
      const calls = controllers.map(({ signal }) =>
        cache.getOrLoad(
          'k',
          (context) => {
            begun.resolve(context.signal)
            return new Promise<number>(() => {})
          },
          { signal },
        ),
      )
      const ends = Promise.allSettled(calls)
      const signal = await begun.promise
      controllers[0].abort()
      await turn()
      expect(signal.aborted).toBe(false)
      controllers[1].abort()
      expect((await ends).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
      expect(signal.aborted).toBe(true)
    })
  })
})

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
