import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CacheBackend } from '@hitbox/core'
import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it, vi } from 'vitest'
import { type Cache } from '../src/index.ts'
import { scriptedTier, soon } from './support/scripted-tier.ts'
import { endOf, settle } from './support/settle.ts'
import { memory, open, remote, source, turn } from './support/setup.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

describe('a call that fails before it begins', () => {
  it('leaves nothing that a later call is answered with, where an option is refused', async () => {
    const { cache, clock } = open({ ttl: '10s', staleAfter: '5s' })
    await cache.set('k', 'old')
    clock.advance('5s')
    const refused = cache.getOrLoad('k', () => 'new', { ttl: -1 as never })
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await cache.delete('k')
    expect((await cache.get.withContext('k')).value).toBeUndefined()
  })

  it('leaves nothing that a later call is answered with, where the tags of a function throw', async () => {
    const { cache, clock } = open({ ttl: '10s', staleAfter: '5s' })
    let broken = false
    const f = cache.fn('f', (id: number) => id, {
      tags: () => {
        if (broken) throw new Error('no tags')
        return ['t']
      },
    })
    await f(1)
    await settle()
    clock.advance('5s')
    broken = true
    await expect(f(1)).rejects.toThrow('no tags')
    broken = false
    await cache.invalidateTags('t')
    await f.delete(1)
    expect((await f.withContext(1)).context.status).toBe('forward')
  })

  it('is counted as often as it was answered, where the tags of a batch throw', async () => {
    const { cache } = open()
    const call = cache.getOrLoadMany([1, 2], (missing) => missing, {
      key: (id) => ['k', id],
      tags: (id) => {
        if (id === 2) throw new Error('no tags')
        return []
      },
    })
    await expect(call).rejects.toThrow('no tags')
    const { calls, hits, stale, misses, bypasses } = cache.stats()
    expect(hits + stale + misses + bypasses).toBe(calls)
  })
})

describe('nobody loads for a caller who has left', () => {
  it('while versions were asked for a fresh value', async () => {
    const clock = manualClock()
    const gate = deferred()
    const tier = scriptedTier('store', soon)
    tier.versionScript = (_, effect) => gate.promise.then(effect)
    const { cache } = open({ clock, tiers: [tier] })
    const controller = new AbortController()
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load, { signal: controller.signal, reload: true })
    call.catch(() => undefined)
    await turn()
    controller.abort(new Error('gone'))
    gate.resolve()
    expect(await endOf(call)).toBe('gone')
    expect(loads).toHaveLength(0)
  })

  it('while the tiers were asked for a batch', async () => {
    const gate = deferred()
    const tier = scriptedTier('store', (_, effect) => gate.promise.then(effect))
    const { cache } = open({ tiers: [tier] })
    const controller = new AbortController()
    const load = vi.fn((missing: readonly string[]) => missing)
    const call = cache.getOrLoadMany(['k'], load, { signal: controller.signal })
    call.catch(() => undefined)
    await turn()
    controller.abort(new Error('gone'))
    gate.resolve()
    expect(await endOf(call)).toBe('gone')
    expect(load).not.toHaveBeenCalled()
  })
})

it('a batch loads itself what a refresh that waits in the offload has not begun to load', async () => {
  const { cache, clock } = open({
    ttl: '10s',
    staleAfter: '5s',
    offload: { register: () => true },
  })
  await cache.set('k', 'old')
  clock.advance('5s')
  expect(await cache.getOrLoadMany(['k'], () => ['refreshed'])).toEqual(['old'])
  clock.advance('5s')
  const call = cache.getOrLoadMany(['k'], () => ['new'])
  call.catch(() => undefined)
  clock.advance('60s')
  expect(await endOf(call)).toEqual(['new'])
})

it('batches over a shared tier leave no listener on a signal', async () => {
  const clock = manualClock()
  const { cache } = open({ clock, tiers: [memory(clock), remote(clock)] })
  const { signal } = new AbortController()
  const batches = Array.from({ length: 50 }, (_, id) => {
    const keys = [['m', id] as const, ['n', id] as const]
    return cache.getOrLoadMany(keys, (missing) => missing.map(() => id), { signal, tags: ['t'] })
  })
  expect(await Promise.all(batches)).toEqual(Array.from({ length: 50 }, (_, id) => [id, id]))
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

const storage = new AsyncLocalStorage<object>()

describe('the async context of a caller', () => {
  type Load = () => string
  const single = (cache: Cache, load: Load): Promise<unknown> => cache.getOrLoad('k', load)
  const batch = (cache: Cache, load: Load): Promise<unknown> =>
    cache.getOrLoadMany(['k'], (missing) => missing.map(load))

  it.each([
    ['a load', single, 0],
    ['the load of a batch', batch, 0],
    ['a refresh', single, 20_000],
    ['the refresh of a batch', batch, 20_000],
  ])('is seen neither by %s nor by the tier that its value goes into', async (_, call, ageMs) => {
    const clock = manualClock()
    const loading: unknown[] = []
    const storing: unknown[] = []
    const { cache } = open({
      clock,
      staleAfter: '10s',
      tiers: [memory(clock), noting(remote(clock), () => storing.push(storage.getStore()))],
    })
    if (ageMs > 0) await cache.set('k', 'old')
    clock.advance(ageMs)
    storing.length = 0
    await storage.run({}, () =>
      call(cache, () => {
        loading.push(storage.getStore())
        return 'new'
      }),
    )
    await settle()
    expect(await cache.get('k')).toBe('new')
    expect({ loading, storing }).toEqual({ loading: [undefined], storing: [undefined] })
  })
})

it.each(['the context of its caller', 'its loader'])(
  'a load that never ends keeps nothing of %s after its timeout',
  async (what) => {
    const clock = manualClock()
    const hung: Promise<never>[] = []
    const ended = vi.fn()
    const { cache } = open({
      clock,
      hardTimeout: '1s',
      tiers: [memory(clock), remote(clock)],
    })
    const begin = (id: number): WeakRef<object> => {
      const kept = { id }
      const load = (): Promise<never> => {
        const never = new Promise<never>(() => undefined)
        hung.push(never)
        return never
      }
      const loader = what === 'its loader' ? () => kept.id > -1 && load() : load
      storage.run(what === 'the context of its caller' ? kept : {}, () => {
        cache.getOrLoad(['k', id], loader, { tags: ['t'] }).catch(ended)
      })
      return new WeakRef(kept)
    }
    const references = Array.from({ length: 100 }, (_, id) => begin(id))
    await settle()
    clock.advance('2s')
    await settle()
    expect(ended).toHaveBeenCalledTimes(100)
    expect(hung).toHaveLength(100)
    ended.mockClear()
    gc()
    await turn()
    gc()
    expect(references.filter((one) => one.deref() !== undefined).length).toBeLessThan(5)
    expect(cache.stats().inFlight).toBe(0)
  },
)

/** Tells of every write of values, as opposed to versions. */
function noting(inner: CacheBackend, note: () => void): CacheBackend {
  return {
    ...inner,
    set: (key, value) => {
      note()
      return inner.set(key, value)
    },
  }
}
