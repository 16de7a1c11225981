import { describe, expect, it, vi } from 'vitest'
import { open, source, turn } from './support/setup.ts'

const stale = { ttl: '1m', staleAfter: '10s' } as const

describe('a stale value', () => {
  it('is answered at once and refreshed once behind', async () => {
    const { cache, clock } = open(stale)
    await cache.set('k', 'old')
    clock.advance('10s')
    const { loads, load } = source()
    for (let call = 0; call < 3; call += 1) expect(await cache.getOrLoad('k', load)).toBe('old')
    await turn()
    expect(await cache.getOrLoad('k', load)).toBe('old')
    expect(loads).toHaveLength(1)
    expect(loads[0]?.previous).toEqual({ value: 'old', ageMs: 10_000 })
    loads[0]?.resolve('new')
    await turn()
    expect(await cache.getOrLoad('k', load)).toBe('new')
    expect(loads).toHaveLength(1)
    expect(cache.stats()).toMatchObject({ calls: 5, stale: 4, hits: 1, refreshes: 1, loads: 1 })
  })

  it('is only answered where the policy is to return it', async () => {
    const { cache, clock } = open({ ...stale, stalePolicy: 'return' })
    await cache.set('k', 'old')
    clock.advance('59s')
    const load = vi.fn(() => 'new')
    expect(await cache.getOrLoad('k', load)).toBe('old')
    await turn()
    expect(load).not.toHaveBeenCalled()
    clock.advance('1s')
    expect(await cache.getOrLoad('k', load)).toBe('new')
  })

  it('is replaced first where the policy is to revalidate, and stands in when that fails', async () => {
    const { cache, clock } = open({ ...stale, stalePolicy: 'revalidate' })
    await cache.set('k', 'old')
    clock.advance('10s')
    const { loads, load } = source()
    const calls = [cache.getOrLoad('k', load), cache.getOrLoad('k', load)]
    await turn()
    expect(loads).toHaveLength(1)
    loads[0]?.reject(new Error('no'))
    expect(await Promise.all(calls)).toEqual(['old', 'old'])
    clock.advance('1s')
    const again = cache.getOrLoad('k', load)
    await turn()
    loads[1]?.resolve('new')
    expect(await again).toBe('new')
  })

  it('survives failing refreshes to its end, tried again with back-off counted from now', async () => {
    const { cache, clock } = open({ ...stale, ttl: '10m', retryAfter: '1s' })
    await cache.set('k', 'old')
    clock.advance('5m')
    const load = vi.fn(() => Promise.reject(new Error('no')))
    const triedAt: number[] = []
    for (let ms = 0; ms < 130_000; ms += 500) {
      const before = load.mock.calls.length
      expect(await cache.getOrLoad<string>('k', load)).toBe('old')
      await turn()
      if (load.mock.calls.length > before) triedAt.push(ms)
      clock.advance(500)
    }
    expect(triedAt).toEqual([0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 95_000, 127_000])
    clock.advance('5m')
    await expect(cache.getOrLoad('k', load)).rejects.toThrow('no')
  })

  it('is tried anew at once after a change', async () => {
    const { cache, clock } = open(stale)
    await cache.set('k', 'old')
    clock.advance('10s')
    await cache.getOrLoad<string>('k', () => Promise.reject(new Error('no')))
    await turn()
    await cache.set('k', 'newer', { staleAfter: 0 })
    const load = vi.fn(() => 'newest')
    expect(await cache.getOrLoad('k', load)).toBe('newer')
    await turn()
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('is made so by expire', async () => {
    const { cache } = open()
    await cache.set('k', 'old')
    expect(await cache.expire('k')).toMatchObject({ expired: true })
    expect(await cache.expire('none')).toMatchObject({ expired: false })
    expect(cache.peek('k')).toBe('old')
    expect(await cache.getOrLoad('k', () => 'new')).toBe('old')
    await turn()
    expect(await cache.get('k')).toBe('new')
  })
})

describe('staleIfError', () => {
  const kept = { ttl: '10s', staleIfError: '1h' } as const

  it('keeps a value past its end, for when loading fails and for nothing else', async () => {
    const { cache, clock } = open(kept)
    await cache.set('k', 'old')
    clock.advance('10s')
    expect(cache.peek('k')).toBeUndefined()
    expect(await cache.get('k')).toBeUndefined()
    expect(await cache.has('k')).toBe(false)
    expect(await cache.getOrLoad<string>('k', () => Promise.reject(new Error('no')))).toBe('old')
    const load = vi.fn(() => 'new')
    expect(await cache.getOrLoad('k', load)).toBe('old')
    expect(load).not.toHaveBeenCalled()
    clock.advance('1s')
    expect(await cache.getOrLoad('k', load)).toBe('new')
  })

  it('ends: then the failure reaches the caller', async () => {
    const { cache, clock } = open(kept)
    await cache.set('k', 'old')
    clock.advance(3_610_000)
    await expect(cache.getOrLoad('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })
})

describe('errorTtl', () => {
  it('shares a failure with later callers for a while, doubled with each in a row', async () => {
    const { cache, clock } = open({ errorTtl: '1s' })
    let tries = 0
    const get = (): Promise<number> =>
      cache.getOrLoad('k', () => {
        tries += 1
        if (tries < 3) throw new Error(`no ${tries}`)
        return tries
      })
    await expect(get()).rejects.toThrow('no 1')
    clock.advance(999)
    await expect(get()).rejects.toThrow('no 1')
    clock.advance(1)
    await expect(get()).rejects.toThrow('no 2')
    clock.advance(1_999)
    await expect(get()).rejects.toThrow('no 2')
    clock.advance(1)
    expect(await get()).toBe(3)
    await cache.delete('k')
    expect(await get()).toBe(4)
  })

  it('is none unless asked for', async () => {
    const { cache } = open()
    const load = vi.fn(() => Promise.reject(new Error('no')))
    await expect(cache.getOrLoad('k', load)).rejects.toThrow('no')
    await expect(cache.getOrLoad('k', load)).rejects.toThrow('no')
    expect(load).toHaveBeenCalledTimes(2)
  })
})

describe('earlyRefresh', () => {
  it('refreshes behind before the end, the nearer the likelier, and answers with the fresh value', async () => {
    const { cache, clock } = open({ ttl: '10s', earlyRefresh: 1 })
    const { loads, load } = source()
    const first = cache.getOrLoad('k', load)
    await turn()
    clock.advance(500)
    loads[0]?.resolve('one')
    await first
    const random = vi.spyOn(Math, 'random').mockReturnValue(Math.exp(-2)) // so 2 load times, 1 s, before the end
    clock.advance(8_999)
    expect(await cache.getOrLoad('k', load)).toBe('one')
    await turn()
    expect(loads).toHaveLength(1)
    clock.advance(1)
    expect(await cache.getOrLoad('k', load)).toBe('one')
    await turn()
    expect(loads).toHaveLength(2)
    random.mockRestore()
    loads[1]?.resolve('two')
    await turn()
    expect(await cache.getOrLoad('k', load)).toBe('two')
    expect(cache.stats()).toMatchObject({ hits: 3, stale: 0, misses: 1, refreshes: 1 })
  })
})
