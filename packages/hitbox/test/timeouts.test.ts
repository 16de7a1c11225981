import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createCache } from '../src/index.ts'
import { open, source, turn } from './support/setup.ts'

describe('softTimeout', () => {
  it('answers with the old value when a load is late, and the load goes on', async () => {
    const { cache, clock } = open({
      ttl: '1m',
      staleAfter: '10s',
      stalePolicy: 'revalidate',
      softTimeout: '100ms',
    })
    await cache.set('k', 'old')
    clock.advance('10s')
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    clock.advance(100)
    expect(await call).toBe('old')
    loads[0]?.resolve('new')
    await turn()
    expect(await cache.get('k')).toBe('new')
    expect(cache.stats()).toMatchObject({ stale: 1, loads: 1 })
  })

  it('does the same with a value that is past its end and kept', async () => {
    const { cache, clock } = open({ ttl: '10s', staleIfError: '1h', softTimeout: '100ms' })
    await cache.set('k', 'old')
    clock.advance('10s')
    const { load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    clock.advance(100)
    expect(await call).toBe('old')
  })

  it('waits on where there is nothing to fall back to', async () => {
    const { cache, clock } = open({ softTimeout: '100ms' })
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    clock.advance('10s')
    loads[0]?.resolve('v')
    expect(await call).toBe('v')
  })
})

describe('hardTimeout', () => {
  it('aborts a load, tells its callers, and frees the key', async () => {
    const { cache, clock } = open({ hardTimeout: '1s' })
    const { loads, load } = source()
    const calls = [cache.getOrLoad('k', load), cache.getOrLoad('k', load)]
    await turn()
    clock.advance('1s')
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 1_000 } })
    }
    expect(loads[0]?.signal.aborted).toBe(true)
    const next = cache.getOrLoad('k', load)
    await turn()
    loads[0]?.resolve('late')
    loads[1]?.resolve('v')
    expect(await next).toBe('v')
    expect(await cache.get('k')).toBe('v')
    expect(cache.stats()).toMatchObject({ loadTimeouts: 1, loads: 2, inFlight: 0 })
  })

  it('is 30 seconds unless told otherwise', async () => {
    const { cache, clock } = open()
    const call = cache.getOrLoad('k', source().load)
    await turn()
    clock.advance(29_999)
    expect(cache.stats().inFlight).toBe(1)
    clock.advance(1)
    await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('leaves the heap flat after 10,000 loaders that never settle', async () => {
    const { cache, clock } = open()
    const hung: Promise<never>[] = []
    const round = async (from: number): Promise<void> => {
      const calls: Promise<unknown>[] = []
      for (let key = from; key < from + 10_000; key += 1) {
        const never = new Promise<never>(() => undefined)
        hung.push(never)
        calls.push(cache.getOrLoad(['hung', key], () => never))
      }
      await turn()
      clock.advance('30s')
      await Promise.allSettled(calls)
    }
    await round(0) // what is made once is there now
    const before = heapUsed()
    await round(10_000)
    const perLoad = (heapUsed() - before) / 10_000
    expect(cache.stats()).toMatchObject({ inFlight: 0, loadTimeouts: 20_000 })
    expect(clock.pendingTimers).toBe(0)
    expect(hung).toHaveLength(20_000)
    // The promises that never settle are held by this test, and each holds its two reactions and the emptied attempt.
    expect(perLoad).toBeLessThan(1_000)
    hung.length = 0
    expect((heapUsed() - before) / 10_000).toBeLessThan(100)
  })
})

function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  gc()
  return process.memoryUsage().heapUsed
}

describe('a caller who leaves', () => {
  it('gets the reason of its own signal, and neither strands nor fails the others', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const leader = new AbortController()
    const first = cache.getOrLoad('k', load, { signal: leader.signal })
    const second = cache.getOrLoad('k', load)
    await turn()
    const reason = new Error('gone')
    leader.abort(reason)
    await expect(first).rejects.toBe(reason)
    expect(loads[0]?.signal.aborted).toBe(false)
    loads[0]?.resolve('v')
    expect(await second).toBe('v')
    expect(loads).toHaveLength(1)
  })

  it('takes the load with it when it is the last', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const controllers = [new AbortController(), new AbortController()]
    const calls = controllers.map(({ signal }) => cache.getOrLoad('k', load, { signal }))
    await turn()
    controllers[0]?.abort(new Error('first'))
    expect(loads[0]?.signal.aborted).toBe(false)
    const last = new Error('last')
    controllers[1]?.abort(last)
    expect(loads[0]?.signal.aborted).toBe(true)
    expect(loads[0]?.signal.reason).toBe(last)
    await Promise.allSettled(calls)
    expect(cache.stats()).toMatchObject({ inFlight: 0, loadsAbandoned: 1 })
    const next = cache.getOrLoad('k', load)
    await turn()
    loads[1]?.resolve('v')
    expect(await next).toBe('v')
  })

  it('is not let in when it has left already', async () => {
    const { cache } = open()
    const reason = new Error('gone')
    const { loads, load } = source()
    await expect(cache.getOrLoad('k', load, { signal: AbortSignal.abort(reason) })).rejects.toBe(
      reason,
    )
    expect(loads).toHaveLength(0)
  })

  it('puts one listener on its signal for all its calls, and each leaves', async () => {
    const { cache } = open()
    const { load } = source()
    const controller = new AbortController()
    const { signal } = controller
    const calls = Array.from({ length: 30 }, (_, key) =>
      cache.getOrLoad(['k', key], load, { signal }),
    )
    const batch = cache.getOrLoadMany(
      ['a', 'b'],
      async () => [await load({ signal, previous: undefined }), ''],
      { signal },
    )
    await turn()
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    const reason = new Error('gone')
    controller.abort(reason)
    for (const outcome of await Promise.allSettled([...calls, batch])) {
      expect(outcome).toEqual({ status: 'rejected', reason })
    }
    expect(cache.stats()).toMatchObject({ inFlight: 0, loadsAbandoned: 32 })
  })

  it('leaves no listener on its signal', async () => {
    const { cache } = open()
    const controller = new AbortController()
    const { signal } = controller
    for (let call = 0; call < 50; call += 1) {
      await cache.getOrLoad(['k', call], () => 1, { signal })
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('loaders', () => {
  it('see the async context the cache was made in, not that of the first caller', async () => {
    const storage = new AsyncLocalStorage<string>()
    const cache = storage.run('maker', () => createCache({ ttl: '1m' }))
    const seen = await storage.run('caller', () => cache.getOrLoad('k', () => storage.getStore()))
    expect(seen).toBe('maker')
    const many = await storage.run('caller', () =>
      cache.getOrLoadMany(['a'], () => [storage.getStore()]),
    )
    expect(many).toEqual(['maker'])
    const asked = await storage.run('caller', () =>
      cache.getOrLoad('j', () => storage.getStore(), { asyncContext: 'caller' }),
    )
    expect(asked).toBe('caller')
    await cache.close()
  })

  it('see the same context when they run behind a caller', async () => {
    const storage = new AsyncLocalStorage<string>()
    const seen: unknown[] = []
    const { cache } = open()
    const load = (): string => {
      seen.push(storage.getStore())
      return 'new'
    }
    for (const asyncContext of ['cache', 'caller'] as const) {
      await cache.set('k', 'old', { staleAfter: 0 })
      await storage.run('request', () => cache.getOrLoad('k', load, { asyncContext }))
      await turn()
    }
    expect(seen).toEqual([undefined, 'request'])
  })
})
