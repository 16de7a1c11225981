import { forever } from '@hitbox/core'
import { describe, expect, it, vi } from 'vitest'
import { createCache } from '../src/index.ts'
import { open, source, turn } from './support/setup.ts'

describe('createCache', () => {
  it('works without tiers, in memory', async () => {
    const { cache } = open()
    expect(await cache.get('k')).toBeUndefined()
    await cache.set('k', 1)
    expect(await cache.get('k')).toBe(1)
    expect(cache.peek('k')).toBe(1)
    expect(await cache.has('k')).toBe(true)
    expect(await cache.delete('k')).toMatchObject({ deleted: true })
    expect(await cache.delete('k')).toMatchObject({ deleted: false })
    expect(await cache.has('k')).toBe(false)
    expect(cache.peek('k')).toBeUndefined()
  })

  it.each([
    ['a misspelt option', { tll: '1m' }, 'tll'],
    ['a negative ttl', { ttl: -1 }, 'ttl'],
    ['a ttl that is no number', { ttl: Number.NaN }, 'ttl'],
    ['a ttl without a unit', { ttl: '60' }, 'ttl'],
    ['stale after the end', { ttl: '1m', staleAfter: '2m' }, 'staleAfter'],
    ['soft after hard', { softTimeout: '2s', hardTimeout: '1s' }, 'softTimeout'],
    ['no loads at all', { concurrency: 0 }, 'concurrency'],
    ['jitter past 1', { jitter: 2 }, 'jitter'],
    ['an unknown policy', { stalePolicy: 'never' }, 'stalePolicy'],
    ['no tiers in the list', { tiers: [] }, 'tiers'],
    ['something else as a tier', { tiers: [{}] }, 'tiers'],
    ['something else as a schema', { schema: {} }, 'schema'],
    ['an endless deadline', { hardTimeout: forever }, 'hardTimeout'],
  ])('refuses %s by name', (_, options, option) => {
    expect(() => createCache(options as never)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        details: expect.objectContaining({ option }),
      }),
    )
  })

  it('asks for a ttl where neither the cache nor the call gives one', async () => {
    const { cache } = open({ ttl: undefined })
    const load = vi.fn(() => 1)
    const refusal = expect.objectContaining({
      code: 'INVALID_OPTION',
      details: expect.objectContaining({ option: 'ttl' }),
    })
    await expect(cache.getOrLoad('k', load)).rejects.toEqual(refusal)
    await expect(cache.set('k', 1)).rejects.toEqual(refusal)
    await expect(cache.getOrLoadMany(['k'], () => [1])).rejects.toEqual(refusal)
    expect(() => cache.fn('f', load)).toThrow(refusal)
    expect(load).not.toHaveBeenCalled()
    expect(await cache.getOrLoad('k', load, { ttl: '1s' })).toBe(1)
  })

  it('stores nothing for a ttl of 0, and for ever only when that is spelt out', async () => {
    const { cache, clock } = open({ ttl: 0 })
    const load = vi.fn(() => 1)
    await cache.getOrLoad('k', load)
    await cache.getOrLoad('k', load)
    expect(load).toHaveBeenCalledTimes(2)
    await cache.getOrLoad('k', load, { ttl: forever })
    clock.advance(1e12)
    await cache.getOrLoad('k', load)
    expect(load).toHaveBeenCalledTimes(3)
    await cache.set('k', 2, { ttl: 0 })
    expect(await cache.get('k')).toBeUndefined()
  })

  it('refuses an unusable key, and a promise as a value, instead of keeping them', async () => {
    const { cache } = open()
    await expect(cache.get('')).rejects.toMatchObject({ code: 'INVALID_KEY' })
    await expect(cache.getOrLoad([''] as never, () => 1)).rejects.toMatchObject({
      code: 'INVALID_KEY',
    })
    await expect(cache.set('k', Promise.resolve(1))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await expect(cache.getOrLoad('k', 5 as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('getOrLoad', () => {
  it('loads what is missing and answers from the cache until its end, to the millisecond', async () => {
    const { cache, clock } = open({ ttl: '1s' })
    let made = 0
    const get = (): Promise<number> => cache.getOrLoad(['n', 1], () => (made += 1))
    expect(await get()).toBe(1)
    clock.advance(999)
    expect(await get()).toBe(1)
    clock.advance(1)
    expect(await get()).toBe(2)
  })

  it('runs one load for any number of callers', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const calls = Array.from({ length: 1_000 }, () => cache.getOrLoad('k', load))
    await turn()
    calls.push(cache.getOrLoad('k', load))
    await turn()
    expect(loads).toHaveLength(1)
    loads[0]?.resolve('v')
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['v']))
    expect(loads).toHaveLength(1)
    expect(cache.stats()).toMatchObject({ calls: 1_001, misses: 1_001, collapsed: 1_000, loads: 1 })
  })

  it('shares one failure among its callers, as it is, and loads anew for the next', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const calls = Array.from({ length: 3 }, () => cache.getOrLoad('k', load))
    await turn()
    const oops = new Error('oops')
    loads[0]?.reject(oops)
    const outcomes = await Promise.allSettled(calls)
    for (const outcome of outcomes) expect(outcome).toEqual({ status: 'rejected', reason: oops })
    expect(loads).toHaveLength(1)
    const next = cache.getOrLoad('k', load)
    await turn()
    expect(loads).toHaveLength(2)
    loads[1]?.resolve('v')
    expect(await next).toBe('v')
  })

  it('hands on what a loader throws, even when that is nothing', async () => {
    const { cache } = open()
    await expect(
      cache.getOrLoad('k', () => {
        throw undefined // eslint-disable-line no-throw-literal
      }),
    ).rejects.toBeUndefined()
  })

  it.each([undefined, null, 0, '', false, Number.NaN])(
    'keeps %s as a value like any other',
    async (value) => {
      const { cache } = open()
      const load = vi.fn(() => value)
      expect(await cache.getOrLoad('k', load)).toBe(value)
      expect(await cache.getOrLoad('k', load)).toBe(value)
      expect(load).toHaveBeenCalledTimes(1)
      expect(await cache.has('k')).toBe(true)
    },
  )

  it('lets the first of several loads answer, and aborts the others, where concurrency allows them', async () => {
    const { cache } = open({ concurrency: 2 })
    const { loads, load } = source()
    const calls = [1, 2, 3].map(() => cache.getOrLoad('k', load))
    await turn()
    expect(loads).toHaveLength(2)
    loads[0]?.reject(new Error('no'))
    await turn()
    loads[1]?.resolve('v')
    expect(await Promise.all(calls)).toEqual(['v', 'v', 'v'])
    expect(cache.stats()).toMatchObject({ loads: 2, loadErrors: 1, inFlight: 0, stores: 1 })
  })

  it('aborts what another load has outrun', async () => {
    const { cache } = open({ concurrency: 2 })
    const { loads, load } = source()
    const calls = [cache.getOrLoad('k', load), cache.getOrLoad('k', load)]
    await turn()
    loads[1]?.resolve('v')
    await Promise.all(calls)
    expect(loads[0]?.signal.aborted).toBe(true)
    loads[0]?.resolve('late')
    await turn()
    expect(await cache.get('k')).toBe('v')
  })

  it('lets the loader decide from the value how long it lives, and whether at all', async () => {
    const { cache, clock } = open()
    await cache.getOrLoad('short', ({ setTtl }) => {
      setTtl('1s')
      return 1
    })
    await cache.getOrLoad('stale', ({ setStaleAfter }) => {
      setStaleAfter('1s')
      return 1
    })
    await cache.getOrLoad('not', (context) => {
      context.doNotStore()
      return 1
    })
    expect(await cache.has('not')).toBe(false)
    clock.advance('1s')
    expect(await cache.has('short')).toBe(false)
    expect((await cache.get.withContext('stale')).context.status).toBe('stale')
    await expect(
      cache.getOrLoad('bad', ({ setTtl }) => setTtl('soon' as never)),
    ).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })

  it('gives absence a life of its own', async () => {
    const { cache, clock } = open({ absenceTtl: '1s' })
    await cache.getOrLoad('null', () => null)
    await cache.getOrLoad('nothing', () => undefined)
    await cache.getOrLoad('zero', () => 0)
    await cache.getOrLoad('never', () => null, { absenceTtl: 0 })
    expect(await cache.has('null')).toBe(true)
    expect(await cache.has('never')).toBe(false)
    clock.advance('1s')
    expect(await cache.has('null')).toBe(false)
    expect(await cache.has('nothing')).toBe(false)
    expect(await cache.has('zero')).toBe(true)
  })

  it('loads anew for who asks for it, and keeps that rather than what was being loaded', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const before = cache.getOrLoad('k', load)
    await turn()
    const fresh = cache.getOrLoad('k', load, { reload: true })
    await turn()
    expect(loads).toHaveLength(2)
    loads[1]?.resolve('new')
    expect(await fresh).toBe('new')
    loads[0]?.resolve('old')
    expect(await before).toBe('old')
    expect(await cache.get('k')).toBe('new')
    expect(cache.stats()).toMatchObject({ bypasses: 1, overtaken: 1 })
  })

  it('shortens lives by up to the share of jitter', async () => {
    const { cache, clock } = open({ jitter: 0.5, staleAfter: '30s' })
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    await cache.getOrLoad('k', () => 1)
    random.mockRestore()
    clock.advance(22_499)
    expect((await cache.get.withContext('k')).context.status).toBe('hit')
    clock.advance(1)
    expect((await cache.get.withContext('k')).context.status).toBe('stale')
    clock.advance(22_499)
    expect(await cache.has('k')).toBe(true)
    clock.advance(1)
    expect(await cache.has('k')).toBe(false)
  })
})
