import { describe, expect, it } from 'vitest'
import type { HitboxEvent } from '../src/index.ts'
import { fleet, give } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

describe('one load per key over two processes', () => {
  it('waits for the load of the other, and takes its value', async () => {
    const { a, b, store } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad.withContext('k', b.source.load)
    await settle()
    expect(b.source.loads).toHaveLength(0)
    await give(a, 'made by a')
    expect(await endOf(first)).toBe('made by a')
    expect(await endOf(second)).toMatchObject({
      value: 'made by a',
      context: { status: 'forward', forward: 'miss', collapsed: true, source: 'tiers.shared' },
    })
    expect(b.cache.stats()).toMatchObject({ calls: 1, misses: 1, collapsed: 1, loads: 0 })
    expect(store.isLeased('k')).toBe(false)
    // It was copied up on the way.
    expect(b.cache.peek('k')).toBe('made by a')
  })

  it('makes the value once where hundreds ask in both', async () => {
    const { a, b } = await fleet()
    const calls = [a, b].flatMap(({ cache, source }) =>
      Array.from({ length: 200 }, () => cache.getOrLoad('k', source.load)),
    )
    await settle()
    expect(a.source.loads.length + b.source.loads.length).toBe(1)
    await give(a.source.loads.length === 1 ? a : b, 'value')
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['value']))
    // Few questions from each, whatever the number of callers.
    for (const { client } of [a, b]) {
      expect(client.calls.filter((call) => call === 'get k')).toHaveLength(1)
      expect(client.calls.filter((call) => call.startsWith('take')).length).toBeLessThan(5)
    }
  })

  it('counts a lease among the states of a call', async () => {
    const { a } = await fleet()
    const call = a.cache.getOrLoad.withContext('k', a.source.load)
    await settle()
    await give(a, 'value')
    expect(await endOf(call)).toMatchObject({
      context: {
        trace: ['check', 'poll', 'miss', 'flight', 'lease', 'load', 'admit', 'store', 'answer'],
        source: 'upstream',
        collapsed: false,
      },
    })
  })

  it('loads in one go what a batch may make, and waits for what others make', async () => {
    const { a, b } = await fleet()
    const other = b.cache.getOrLoad('l', b.source.load)
    await settle()
    const asked: string[][] = []
    const loadMany = async (keys: readonly string[]): Promise<string[]> => {
      asked.push([...keys])
      return keys.map((key) => `${key} by a`)
    }
    const batch = a.cache.getOrLoadMany.withContext(['k', 'l', 'm'], loadMany)
    await settle()
    expect(asked).toEqual([['k', 'm']])
    expect(await endOf(batch)).toBe('pending')
    await give(b, 'l by b')
    expect(await endOf(other)).toBe('l by b')
    expect(await endOf(batch)).toMatchObject([
      { value: { value: 'k by a', context: { collapsed: false, source: 'upstream' } } },
      { value: { value: 'l by b', context: { collapsed: true, source: 'tiers.shared' } } },
      { value: { value: 'm by a', context: { collapsed: false, source: 'upstream' } } },
    ])
    expect(asked).toHaveLength(1)
  })

  it('takes over in one load what becomes free of a batch in one turn', async () => {
    const { a, store } = await fleet()
    const other = store.connect('other')
    for (const key of ['k', 'l', 'm']) await other.leases?.take(key)
    const asked: string[][] = []
    const batch = a.cache.getOrLoadMany(['k', 'l', 'm', 'n'], async (keys) => {
      asked.push([...keys])
      return keys.map((key) => `${key} by a`)
    })
    await settle()
    expect(asked).toEqual([['n']])
    store.release(undefined, 'k')
    store.release(undefined, 'm')
    await settle()
    expect(asked).toEqual([['n'], ['k', 'm']])
    store.release(undefined, 'l')
    expect(await endOf(batch)).toEqual(['k by a', 'l by a', 'm by a', 'n by a'])
    expect(asked).toEqual([['n'], ['k', 'm'], ['l']])
  })

  it('holds for cached functions', async () => {
    const { a, b } = await fleet()
    const [inA, inB] = [a, b].map(({ cache, source }) =>
      cache.fn('user', (_id: number) =>
        source.load({ signal: new AbortController().signal, previous: undefined }),
      ),
    )
    const first = inA?.(1)
    await settle()
    const second = inB?.withContext(1)
    await settle()
    await give(a, 'user 1')
    expect(await first).toBe('user 1')
    expect(await second).toMatchObject({ value: 'user 1', context: { collapsed: true } })
    expect(b.source.loads).toHaveLength(0)
  })

  it('takes a load over that failed elsewhere', async () => {
    const { a, b } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    const failed = first.catch((error: Error) => error.message)
    await settle()
    a.source.loads[0]?.reject(new Error('no'))
    expect(await failed).toBe('no')
    await settle()
    expect(b.source.loads).toHaveLength(1)
    await give(b, 'made by b')
    expect(await endOf(second)).toBe('made by b')
  })

  it('takes a load over whose value is not to be stored', async () => {
    const { a, b } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load, { ttl: 0 })
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    await settle()
    await give(a, 'for a alone')
    expect(await endOf(first)).toBe('for a alone')
    await give(b, 'made by b')
    expect(await endOf(second)).toBe('made by b')
  })

  it('runs hedged loads under one lease', async () => {
    const { a, b } = await fleet({ concurrency: 2 })
    const calls = [1, 2, 3].map(() => a.cache.getOrLoad('k', a.source.load))
    await settle()
    const later = a.cache.getOrLoad('k', a.source.load)
    const elsewhere = b.cache.getOrLoad('k', b.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(2)
    expect(b.source.loads).toHaveLength(0)
    expect(a.client.calls.filter((call) => call.startsWith('take'))).toHaveLength(1)
    a.source.loads[0]?.resolve('first')
    await settle()
    expect(a.source.loads[1]?.signal.aborted).toBe(true)
    for (const call of [...calls, later, elsewhere]) expect(await endOf(call)).toBe('first')
    expect(a.client.calls.filter((call) => call.startsWith('fill'))).toHaveLength(1)
  })
})

describe('a refresh over two processes', () => {
  const options = { ttl: '10m', staleAfter: '1m' } as const

  it.each(['single', 'batch'] as const)('is given up where another makes it (%s)', async (how) => {
    const events: HitboxEvent[] = []
    const onEvent = (event: HitboxEvent): void => void events.push(event)
    const { a, b, clock } = await fleet({ ...options, onEvent })
    await a.cache.set('k', 'old')
    await b.cache.get('k')
    clock.advance('2m')
    expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
    await settle()
    expect(a.source.loads).toHaveLength(1)
    const loadMany = async (): Promise<string[]> => [await b.source.load({} as never)]
    const again = (): Promise<unknown> =>
      how === 'single'
        ? b.cache.getOrLoad('k', b.source.load)
        : b.cache.getOrLoadMany(['k'], loadMany).then(([value]) => value)
    expect(await endOf(again())).toBe('old')
    await settle()
    expect(b.source.loads).toHaveLength(0)
    await give(a, 'new')
    expect(await endOf(again())).toBe('new')
    const failures = events.filter((event) => 'error' in event && event.error !== undefined)
    expect(failures).toEqual([])
    expect(events.filter((event) => event.type === 'offload' && event.state === 'failed')).toEqual(
      [],
    )
    expect(b.cache.stats()).toMatchObject({ loads: 0, inFlight: 0 })
  })

  it.each(['single', 'batch'] as const)('copies up what another has made (%s)', async (how) => {
    const { a, b, clock } = await fleet(options)
    await a.cache.set('k', 'old')
    await b.cache.get('k')
    // What is told of the new value is lost.
    b.client.losing = true
    clock.advance('2m')
    await a.cache.set('k', 'new')
    const loadMany = async (): Promise<string[]> => [await b.source.load({} as never)]
    const call =
      how === 'single'
        ? b.cache.getOrLoad('k', b.source.load)
        : b.cache.getOrLoadMany(['k'], loadMany).then(([value]) => value)
    expect(await endOf(call)).toBe('old')
    await settle()
    expect(b.source.loads).toHaveLength(0)
    expect(b.cache.peek('k')).toBe('new')
  })

  it('before the end gives way likewise, and does not take the old value for news', async () => {
    const { a, b, clock } = await fleet({ ttl: '10m', earlyRefresh: 1_000 })
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    clock.advance('5s')
    await settle()
    await give(a, 'old')
    await first
    await b.cache.get('k')
    clock.advance('9m')
    for (let call = 0; call < 20 && a.source.loads.length < 2; call += 1) {
      expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
      await settle()
    }
    expect(a.source.loads).toHaveLength(2)
    for (let call = 0; call < 20; call += 1) {
      expect(await endOf(b.cache.getOrLoad('k', b.source.load))).toBe('old')
      await settle()
    }
    expect(b.source.loads).toHaveLength(0)
    await give(a, 'new')
    expect(await endOf(b.cache.getOrLoad('k', b.source.load))).toBe('new')
  })

  it('before the end makes anew what another has put there that ends earlier', async () => {
    const { a, b, clock, store } = await fleet({ ttl: '10m', earlyRefresh: 1_000 })
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    clock.advance('5s')
    await give(a, 'made')
    await first
    a.client.losing = true
    await b.cache.set('k', 'put', { ttl: '570s' })
    clock.advance('9m')
    for (let call = 0; call < 20 && a.source.loads.length < 2; call += 1) {
      expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('made')
      await settle()
    }
    expect(a.source.loads).toHaveLength(2)
    await give(a, 'new')
    expect(store.valueOf('k')).toBe('new')
  })

  it('waits for the other where a caller has joined it', async () => {
    const { a, b, clock } = await fleet(options)
    await a.cache.set('k', 'old')
    await b.cache.get('k')
    clock.advance('2m')
    expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
    const waiting = b.cache.getOrLoad('k', b.source.load, { stalePolicy: 'revalidate' })
    await settle()
    expect(b.source.loads).toHaveLength(0)
    await give(a, 'new')
    expect(await endOf(waiting)).toBe('new')
  })
})

describe('reload over two processes', () => {
  it('takes the lease whoever has it, and what the other makes is refused', async () => {
    const { a, b, store } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const again = b.cache.getOrLoad('k', b.source.load, { reload: true })
    await settle()
    expect(b.source.loads).toHaveLength(1)
    await give(a, 'by a')
    // It was told that its lease is gone, so it does not even try.
    expect(await endOf(first)).toBe('by a')
    expect(store.valueOf('k')).toBe(undefined)
    await give(b, 'by b')
    expect(await endOf(again)).toBe('by b')
    expect(store.valueOf('k')).toBe('by b')
    expect(a.cache.stats()).toMatchObject({ overtaken: 1, stores: 0 })
    expect(b.cache.stats()).toMatchObject({ bypasses: 1, stores: 1 })
  })

  it('is refused by the store itself where nobody was told', async () => {
    const { a, b, store } = await fleet()
    a.client.losing = true
    const first = a.cache.getOrLoad.withContext('k', a.source.load)
    await settle()
    const again = b.cache.getOrLoad('k', b.source.load, { reload: true })
    await settle()
    await give(b, 'by b')
    await again
    await give(a, 'by a')
    expect(await endOf(first)).toMatchObject({ value: 'by a', context: { stored: false } })
    expect(a.client.calls).toContain('fill k')
    expect(store.valueOf('k')).toBe('by b')
    // Nor is it kept above the store.
    expect(await endOf(a.cache.get('k'))).toBe('by b')
  })
})
