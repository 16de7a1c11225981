import { CacheError, type MaybePromise } from '@hitbox/core'
import { expectNoLeaks, manualClock } from '@hitbox/testing'
import { describe, expect, it, vi } from 'vitest'
import { createCache, type HitboxEvent, offloadManager } from '../src/index.ts'
import { atOnce, failure, type Script, scriptedTier, soon } from './support/scripted-tier.ts'
import { memory, open, source, turn } from './support/setup.ts'

const throws: Script = () => {
  throw failure()
}
const rejects: Script = () => Promise.reject(failure())
const hangs: Script = <R>(): MaybePromise<R> => new Promise<R>(() => undefined)

describe('a tier that fails', () => {
  it.each([
    ['by throwing', throws],
    ['by rejecting', rejects],
  ])(
    '%s never fails a read: the loader runs, and the fault is counted and told',
    async (_, script) => {
      const tier = scriptedTier('store', script)
      const events: HitboxEvent[] = []
      const { cache } = open({ tiers: [tier], onEvent: (event) => void events.push(event) })
      expect(await cache.getOrLoad('k', () => 'v')).toBe('v')
      expect(await cache.get('j')).toBeUndefined()
      expect(await cache.has('j')).toBe(false)
      expect(await cache.getMany(['j', 'i'])).toEqual([undefined, undefined])
      expect(await cache.getOrLoadMany(['j', 'i'], (keys) => keys)).toEqual(['j', 'i'])
      expect(cache.stats().readErrors).toBeGreaterThanOrEqual(5)
      expect(cache.stats().storeErrors).toBe(3)
      expect(events.filter(({ type }) => type === 'error').length).toBeGreaterThanOrEqual(5)
    },
  )

  it('below another one never fails a read either', async () => {
    const clock = manualClock()
    const tier = scriptedTier('store', rejects)
    const { cache } = open({ clock, tiers: [memory(clock), tier] })
    const { value, context } = await cache.getOrLoad.withContext('k', () => 'v')
    expect(value).toBe('v')
    expect(context.failures).toEqual([expect.objectContaining({ code: 'BACKEND_FAILED' })])
  })

  it('is told of by set, delete and expire', async () => {
    const { cache } = open({ tiers: [scriptedTier('store', rejects)] })
    const failed = { code: 'BACKEND_FAILED' }
    await expect(cache.set('k', 1)).rejects.toMatchObject(failed)
    await expect(cache.delete('k')).rejects.toMatchObject(failed)
    await expect(cache.expire('k')).rejects.toMatchObject(failed)
    await expect(cache.setMany([['k', 1]])).rejects.toMatchObject(failed)
    await expect(cache.deleteMany(['k'])).rejects.toMatchObject(failed)
  })

  it('does not turn every caller into a load: a value that cannot be stored serves for a second', async () => {
    const tier = scriptedTier('store', rejects)
    const { cache, clock } = open({ tiers: [tier] })
    const load = vi.fn(() => 'v')
    for (let call = 0; call < 5; call += 1) expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(load).toHaveBeenCalledTimes(1)
    clock.advance('1s')
    await cache.getOrLoad('k', load)
    expect(load).toHaveBeenCalledTimes(2)
    tier.script = atOnce
    await cache.delete('k')
    await cache.getOrLoad('k', load)
    expect(load).toHaveBeenCalledTimes(3)
  })

  it('does not hold what is unfit for the tiers', async () => {
    const tooLarge = new CacheError('TOO_LARGE', 'too large', {
      details: { bytes: 2, maxBytes: 1 },
    })
    const script: Script = (call, effect) =>
      call.verb === 'set' ? Promise.reject(tooLarge) : effect()
    const { cache } = open({ tiers: [scriptedTier('store', script)] })
    const load = vi.fn(() => 'v')
    expect(await cache.getOrLoad('k', load)).toBe('v')
    await turn()
    expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(load).toHaveBeenCalledTimes(2)
  })
})

describe('a tier that hangs', () => {
  it('does not delay a read past the deadline, and then the loader runs', async () => {
    const { cache, clock } = open({ tiers: [scriptedTier('store', hangs)], tierTimeout: '500ms' })
    const calls = [
      cache.getOrLoad('k', () => 'v'),
      cache.get('k'),
      cache.getOrLoadMany(['a'], () => ['w']),
    ]
    await turn()
    clock.advance(500)
    expect(await Promise.all(calls)).toEqual(['v', undefined, ['w']])
  })

  it('does not delay the answer of a load by its store', async () => {
    const script: Script = (call, effect) => (call.verb === 'set' ? hangs(call, effect) : effect())
    const { cache, clock } = open({ tiers: [scriptedTier('store', script)] })
    const load = vi.fn(() => 'v')
    expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(cache.peek('k')).toBe('v')
    expect(await cache.get('k')).toBe('v')
    expect(await cache.has('k')).toBe(true)
    expect(await cache.getMany(['k'])).toEqual(['v'])
    expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(load).toHaveBeenCalledTimes(1)
    expect(cache.stats()).toMatchObject({ inFlight: 1, stores: 0 })
    clock.advance('2s')
    await turn()
    expect(cache.stats()).toMatchObject({ inFlight: 0, storeErrors: 1 })
  })

  it('fails a delete behind a store that hangs, and the delete still comes after it', async () => {
    let release: () => void = () => undefined
    const script: Script = (call, effect) =>
      call.verb === 'set'
        ? new Promise((resolve) => {
            release = () => resolve(effect())
          })
        : soon(call, effect)
    const tier = scriptedTier('store', script)
    const { cache, clock } = open({ tiers: [tier] })
    await cache.getOrLoad('k', () => 'old')
    const removal = cache.delete('k')
    await turn()
    clock.advance('2s')
    await expect(removal).rejects.toMatchObject({ code: 'TIMEOUT' })
    release()
    await turn()
    expect(tier.entries.size).toBe(0)
    expect(tier.calls.slice(-2)).toEqual(['set k', 'delete k'])
  })

  it('bounds what waits for one key', async () => {
    const script: Script = (call, effect) => (call.verb === 'set' ? hangs(call, effect) : effect())
    const { cache, clock } = open({ tiers: [scriptedTier('store', script)] })
    const calls = Array.from({ length: 1_500 }, () => cache.set('k', 1))
    const outcomes = Promise.allSettled(calls)
    await turn()
    clock.advance('2s')
    const codes = (await outcomes).map(
      (outcome) => (outcome as PromiseRejectedResult).reason.code as string,
    )
    expect(codes.filter((code) => code === 'TIMEOUT')).toHaveLength(1_000)
    expect(codes.filter((code) => code === 'OVERLOADED')).toHaveLength(500)
  })
})

describe('onBackendDown', () => {
  it('fail: rejects with the failure, and the loader does not run', async () => {
    const tier = scriptedTier('store', rejects)
    const { cache } = open({ tiers: [tier], onBackendDown: 'fail' })
    const load = vi.fn(() => 'v')
    await expect(cache.getOrLoad('k', load)).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    await expect(cache.getOrLoadMany(['k'], () => ['v'])).rejects.toMatchObject({
      code: 'BACKEND_FAILED',
    })
    expect(await cache.get('k')).toBeUndefined()
    tier.script = atOnce
    expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('stale: serves old values and does not refresh for a second after a failure', async () => {
    const clock = manualClock()
    const store = scriptedTier('store', atOnce)
    const { cache } = open({
      clock,
      tiers: [memory(clock), store],
      ttl: '10s',
      staleAfter: '5s',
      staleIfError: '1m',
      onBackendDown: 'stale',
    })
    await cache.set('k', 'old')
    clock.advance('10s')
    store.script = rejects
    await cache.get('other')
    const load = vi.fn(() => 'new')
    expect(await cache.getOrLoad('k', load)).toBe('old')
    await turn()
    expect(load).not.toHaveBeenCalled()
    store.script = atOnce
    clock.advance('1s')
    expect(await cache.getOrLoad('k', load)).toBe('new')
  })
})

describe('close', () => {
  it('waits for what is under way, then refuses calls', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    const closed = cache.close()
    const late = cache.getOrLoad('k', load)
    await expect(late).rejects.toMatchObject({ code: 'CLOSED' })
    loads[0]?.resolve('v')
    expect(await call).toBe('v')
    await closed
    const refused = { code: 'CLOSED', details: { source: 'cache' } }
    await expect(cache.get('k')).rejects.toMatchObject(refused)
    await expect(cache.set('k', 1)).rejects.toMatchObject(refused)
    await expect(cache.getOrLoadMany(['k'], () => [1])).rejects.toMatchObject(refused)
    expect(() => cache.peek('k')).toThrow(expect.objectContaining(refused))
    await cache.close()
  })

  it('aborts what takes longer than it wants to wait', async () => {
    const { cache, clock } = open()
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    const closed = cache.close({ timeout: '1s' })
    await turn()
    expect(loads[0]?.signal.aborted).toBe(false)
    clock.advance('1s')
    await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
    expect(loads[0]?.signal.aborted).toBe(true)
    await closed
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves nothing behind', async () => {
    await expectNoLeaks(async () => {
      const cache = createCache({ ttl: '1m', staleAfter: '1ms' })
      await cache.getOrLoad('k', () => 1)
      await cache.set('old', 1, { staleAfter: 0 })
      void cache.getOrLoad('old', () => new Promise(() => undefined))
      cache.getOrLoad('hangs', () => new Promise(() => undefined)).catch(() => undefined)
      await turn()
      await cache.close({ timeout: '10ms' })
    })
  })

  it('closes the tiers, and not an offload it was given', async () => {
    const tiers = [scriptedTier('a'), scriptedTier('b')]
    const offload = offloadManager()
    const { cache } = open({ tiers, offload, ttl: '1m' })
    await cache.set('k', 'old', { staleAfter: 0 })
    expect(await cache.getOrLoad('k', () => 'new')).toBe('old')
    await turn()
    expect(await cache.get('k')).toBe('new')
    expect(offload.stats()).toMatchObject({ started: 1, completed: 1 })
    await cache.close()
    expect(tiers.map(({ closed }) => closed)).toEqual([1, 1])
    expect(offload.register({ kind: 'other', run: () => Promise.resolve() })).toBe(true)
    await offload.close()
  })

  it('goes on without a refresh that an offload refuses', async () => {
    const { cache } = open({ offload: { register: () => false } })
    await cache.set('k', 'old', { staleAfter: 0 })
    expect(await cache.getOrLoad('k', () => 'new')).toBe('old')
    expect(await cache.getOrLoadMany(['k'], () => ['new'])).toEqual(['old'])
    await turn()
    expect(cache.stats()).toMatchObject({ inFlight: 0, loads: 0, stale: 2 })
  })
})
