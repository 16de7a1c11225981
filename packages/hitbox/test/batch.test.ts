import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it, vi } from 'vitest'
import { scriptedTier, soon } from './support/scripted-tier.ts'
import { memory, open, source, turn } from './support/setup.ts'

describe('getOrLoadMany', () => {
  it('calls the loader once with what is missing, and keeps order and duplicates', async () => {
    const { cache } = open()
    await cache.setMany([
      ['b', 'B'],
      ['d', undefined],
    ])
    const load = vi.fn((missing: readonly string[]) => missing.map((key) => key.toUpperCase()))
    expect(await cache.getOrLoadMany(['a', 'b', 'a', 'c', 'd'], load)).toEqual([
      'A',
      'B',
      'A',
      'C',
      undefined,
    ])
    expect(load.mock.calls.map(([missing]) => missing)).toEqual([['a', 'c']])
    expect(await cache.getOrLoadMany(['c', 'a'], load)).toEqual(['C', 'A'])
    expect(load).toHaveBeenCalledTimes(1)
    expect(await cache.getOrLoadMany([], load)).toEqual([])
    expect(cache.stats()).toMatchObject({ calls: 6, hits: 4, misses: 2, loads: 2, stores: 2 })
  })

  it('asks each tier once, and stores in one go', async () => {
    const clock = manualClock()
    const store = scriptedTier('store', soon)
    const { cache } = open({ clock, tiers: [memory(clock), store] })
    await cache.getOrLoadMany(['a', 'b', 'c'], (keys) => keys)
    await turn()
    expect(store.calls).toEqual(['getMany a,b,c', 'setMany a,b,c'])
    expect(await cache.getMany(['c', 'b', 'a'])).toEqual(['c', 'b', 'a'])
    expect(store.calls).toHaveLength(2)
  })

  it('joins loads under way, and is joined', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const one = cache.getOrLoad('a', load)
    await turn()
    const batches = source<string[]>()
    const asked: (readonly string[])[] = []
    const many = cache.getOrLoadMany(['a', 'b'], (missing, context) => {
      asked.push(missing)
      return batches.load({ signal: context.signal, previous: undefined })
    })
    await turn()
    const two = cache.getOrLoad('b', load)
    await turn()
    expect(asked).toEqual([['b']])
    loads[0]?.resolve('A')
    batches.loads[0]?.resolve(['B'])
    expect(await Promise.all([one, many, two])).toEqual(['A', ['A', 'B'], 'B'])
    expect(loads).toHaveLength(1)
  })

  it('finds what comes while the tiers are asked, and loads the others', async () => {
    const clock = manualClock()
    const gate = deferred()
    const store = scriptedTier('store', ({ verb }, effect) => {
      const result = effect()
      return verb === 'get' ? gate.promise.then(() => result) : result
    })
    const { cache } = open({ clock, tiers: [memory(clock), store] })
    const load = vi.fn((missing: readonly string[]) => missing.map(() => 'loaded'))
    const many = cache.getOrLoadMany(['a', 'b'], load)
    const few = cache.getMany(['a'])
    await turn()
    await cache.set('a', 'meanwhile')
    gate.resolve()
    expect(await many).toEqual(['meanwhile', 'loaded'])
    expect(await few).toEqual(['meanwhile'])
    expect(load.mock.calls.map(([missing]) => missing)).toEqual([['b']])
    expect(cache.stats()).toMatchObject({ calls: 3, hits: 2, misses: 1 })
  })

  it('fails single keys where the loader says so, and stores the others', async () => {
    const { cache } = open()
    const no = new Error('no b')
    const load = (): (string | Error)[] => ['A', no, 'C']
    await expect(cache.getOrLoadMany(['a', 'b', 'c'], load)).rejects.toBe(no)
    await cache.deleteMany(['a', 'b', 'c'])
    expect(await cache.getOrLoadMany.settled(['a', 'b', 'c'], load)).toEqual([
      { ok: true, value: 'A' },
      { ok: false, error: no },
      { ok: true, value: 'C' },
    ])
    expect(await cache.getMany(['a', 'b', 'c'])).toEqual(['A', undefined, 'C'])
  })

  it('takes a map by key, where what is left out is absent', async () => {
    const { cache } = open()
    const keys = [
      ['user', 1],
      ['user', 2],
      ['user', 3],
    ] as const
    const load = (
      missing: readonly (readonly [string, number])[],
    ): Map<readonly [string, number], string> =>
      new Map(missing.filter(([, id]) => id !== 2).map((key) => [key, `user ${key[1]}`]))
    expect(await cache.getOrLoadMany(keys, load)).toEqual(['user 1', undefined, 'user 3'])
    expect(await cache.has(['user', 2])).toBe(true)
  })

  it('takes items that are no keys, with a key for each', async () => {
    const { cache } = open()
    const ids = [1, 2, 1]
    const load = vi.fn((missing: readonly number[]) => missing.map((id) => id * 10))
    const key = (id: number): readonly [string, number] => ['n', id]
    expect(await cache.getOrLoadMany(ids, load, { key })).toEqual([10, 20, 10])
    expect(await cache.get(['n', 2])).toBe(20)
    expect(load).toHaveBeenCalledWith([1, 2], expect.anything())
  })

  it.each([
    ['too few values', () => ['A']],
    ['no list', () => 'AB' as never],
    ['nothing', () => undefined as never],
  ])('fails every key when the loader gives %s', async (_, load) => {
    const { cache } = open()
    const results = await cache.getOrLoadMany.settled(['a', 'b'], load)
    for (const result of results) {
      expect(result).toMatchObject({ ok: false, error: { code: 'INVALID_OPTION' } })
    }
  })

  it('shares a failure of the whole load, thrown or rejected', async () => {
    const { cache } = open()
    const no = new Error('no')
    for (const load of [
      () => {
        throw no
      },
      () => Promise.reject(no),
    ]) {
      const results = await cache.getOrLoadMany.settled<string, unknown>(['a', 'b'], load)
      expect(results).toEqual([
        { ok: false, error: no },
        { ok: false, error: no },
      ])
    }
    expect(cache.stats().inFlight).toBe(0)
  })

  it('answers old values at once and refreshes them in one load behind', async () => {
    const { cache } = open()
    await cache.setMany(
      [
        ['a', 'old a'],
        ['b', 'old b'],
      ],
      { staleAfter: 0 },
    )
    await cache.set('c', 'c')
    const load = vi.fn((keys: readonly string[]) => keys.map((key) => `new ${key}`))
    const get = (): Promise<string[]> => cache.getOrLoadMany(['a', 'b', 'c'], load)
    expect(await get()).toEqual(['old a', 'old b', 'c'])
    await turn()
    expect(await get()).toEqual(['new a', 'new b', 'c'])
    expect(load.mock.calls.map(([keys]) => keys)).toEqual([['a', 'b']])
    expect(cache.stats()).toMatchObject({ stale: 2, hits: 4, refreshes: 2 })
  })

  it('falls back to old values where the load fails, by key', async () => {
    const { cache, clock } = open({ ttl: '10s', staleIfError: '1h' })
    await cache.set('a', 'old a')
    clock.advance('10s')
    const results = await cache.getOrLoadMany.settled<string, string>(['a', 'b'], () => {
      throw new Error('no')
    })
    expect(results[0]).toEqual({ ok: true, value: 'old a' })
    expect(results[1]).toMatchObject({ ok: false })
  })

  it('stores nothing of keys that changed meanwhile', async () => {
    const { cache } = open()
    const batch = source<string[]>()
    const load = (_: unknown, { signal }: { signal: AbortSignal }): Promise<string[]> =>
      batch.load({ signal, previous: undefined })
    const call = cache.getOrLoadMany(['a', 'b'], load)
    await turn()
    await cache.delete('a')
    batch.loads[0]?.resolve(['A', 'B'])
    expect(await call).toEqual(['A', 'B'])
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, 'B'])
  })

  it('aborts the load when its last caller has left, and at hardTimeout', async () => {
    const { cache, clock } = open({ hardTimeout: '1s' })
    const batch = source<string[]>()
    const load = (_: unknown, { signal }: { signal: AbortSignal }): Promise<string[]> =>
      batch.load({ signal, previous: undefined })
    const controller = new AbortController()
    const call = cache.getOrLoadMany(['a', 'b'], load, { signal: controller.signal })
    await turn()
    const other = cache.getOrLoad('b', () => 'unused', { signal: new AbortController().signal })
    await turn()
    controller.abort(new Error('gone'))
    await expect(call).rejects.toThrow('gone')
    expect(batch.loads[0]?.signal.aborted).toBe(false)
    clock.advance('1s')
    await expect(other).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(batch.loads[0]?.signal.aborted).toBe(true)
    expect(cache.stats()).toMatchObject({ inFlight: 0, loadsAbandoned: 1, loadTimeouts: 1 })
    expect(clock.pendingTimers).toBe(0)
  })

  it('loads all anew for who asks for that', async () => {
    const { cache } = open()
    await cache.set('a', 'old')
    expect(await cache.getOrLoadMany(['a'], () => ['new'], { reload: true })).toEqual(['new'])
    expect(await cache.get('a')).toBe('new')
    expect(cache.stats().bypasses).toBe(1)
  })

  it('tells how each was answered', async () => {
    const { cache } = open()
    await cache.set('a', 'A')
    const answers = await cache.getOrLoadMany.withContext(['a', 'b'], () => ['B'])
    expect(answers).toMatchObject([
      { ok: true, value: { value: 'A', context: { status: 'hit' } } },
      {
        ok: true,
        value: { value: 'B', context: { status: 'forward', forward: 'miss', stored: true } },
      },
    ])
    expect(await cache.getMany.withContext(['a', 'c'])).toMatchObject([
      { value: 'A', context: { status: 'hit' } },
      { value: undefined, context: { status: 'forward' } },
    ])
  })
})

describe('setMany and deleteMany', () => {
  it('keep the last of duplicates, and tell what was there in the order of the keys', async () => {
    const { cache } = open()
    await cache.setMany([
      ['a', 1],
      ['b', 2],
      ['a', 3],
    ])
    await cache.setMany([])
    expect(await cache.getMany(['a', 'b'])).toEqual([3, 2])
    const { deleted } = await cache.deleteMany(['c', 'a', 'b', 'a'])
    expect(deleted).toEqual([false, true, true, true])
    expect(await cache.deleteMany([])).toEqual({ deleted: [], token: 'h1' })
    await cache.set('a', 1)
    await cache.setMany([['a', 2]], { ttl: 0 })
    expect(await cache.has('a')).toBe(false)
  })
})
