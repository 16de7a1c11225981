import { describe, expect, it } from 'vitest'
import type { Cache } from '../src/index.ts'
import { type Fleet, fleet, give, type Member } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

type Change = (cache: Cache) => Promise<unknown>

/** What ends whatever is made of `k` meanwhile. */
const CHANGES: readonly (readonly [name: string, change: Change, left: unknown])[] = [
  ['delete', (cache) => cache.delete('k'), undefined],
  ['deleteMany', (cache) => cache.deleteMany(['k', 'other']), undefined],
  ['set', (cache) => cache.set('k', 'set'), 'set'],
  ['setMany', (cache) => cache.setMany([['k', 'set']]), 'set'],
  ['expire', (cache) => cache.expire('k'), undefined],
  ['invalidateTags', (cache) => cache.invalidateTags('t'), undefined],
  ['clear', (cache) => cache.clear(), undefined],
]

/** Ways to make a value: each gives its call. */
const WAYS: readonly (readonly [name: string, way: (member: Member) => Promise<unknown>])[] = [
  ['a load', ({ cache, source }) => cache.getOrLoad('k', source.load)],
  ['a reload', ({ cache, source }) => cache.getOrLoad('k', source.load, { reload: true })],
  [
    'a batch',
    async ({ cache, source }) =>
      (await cache.getOrLoadMany(['k'], async () => [await source.load({} as never)]))[0],
  ],
  [
    'a cached function',
    ({ cache, source }) =>
      cache.fn('made', () => source.load({} as never), { key: () => 'k' }).withContext(),
  ],
]

/** Both know the versions from before. */
async function warm(): Promise<Fleet> {
  const all = await fleet({ tags: ['t'], staleAfter: '10s' })
  for (const { cache } of [all.a, all.b]) await cache.getOrLoad('before', () => 1)
  await settle()
  return all
}

describe.each(['elsewhere', 'in the same process'] as const)('a change %s', (where) => {
  describe.each(WAYS.slice(0, 3))('during %s', (_, way) => {
    it.each(CHANGES)('is obeyed from then on: %s', async (_name, change, left) => {
      const { a, b, store } = await warm()
      const before = way(a)
      await settle()
      expect(a.source.loads).toHaveLength(1)
      await change((where === 'elsewhere' ? b : a).cache)
      await settle()
      // Nobody needs to wait for the lease.
      expect(store.isLeased('k')).toBe(false)
      const after = way(a)
      await settle()
      const again = left === undefined || way === WAYS[1]?.[1]
      expect(a.source.loads).toHaveLength(again ? 2 : 1)
      a.source.loads[0]?.resolve('old')
      expect(await endOf(before)).toBe('old')
      await settle()
      expect(store.valueOf('k')).toBe(left)
      if (again) await give(a, 'new')
      expect(await endOf(after)).toBe(again ? 'new' : left)
      expect(store.valueOf('k')).toBe(again ? 'new' : left)
      expect(await endOf(b.cache.get('k', { fresh: 'barrier' }))).toBe(again ? 'new' : left)
      expect(a.cache.stats()).toMatchObject({ overtaken: 1, inFlight: 0 })
    })
  })

  it.each(CHANGES)('during a cached function is obeyed from then on: %s', async (name, change) => {
    const { a, b, store } = await warm()
    const made = a.cache.fn('made', () => a.source.load({} as never))
    const key = made.keyOf()
    const before = made()
    await settle()
    const { cache } = where === 'elsewhere' ? b : a
    if (name.startsWith('delete')) await cache.delete(key)
    else if (name.startsWith('set')) await cache.set(key, 'set')
    else if (name === 'expire') await cache.expire(key)
    else await change(cache)
    await settle()
    expect(store.isLeased(key)).toBe(false)
    a.source.loads[0]?.resolve('old')
    expect(await endOf(before)).toBe('old')
    await settle()
    expect(store.valueOf(key)).toBe(name.startsWith('set') ? 'set' : undefined)
  })

  it.each(CHANGES)('during a refresh is obeyed from then on: %s', async (name, change, left) => {
    const { a, b, store, clock } = await warm()
    await a.cache.set('k', 'old')
    await b.cache.get('k')
    clock.advance('20s')
    expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
    await settle()
    expect(a.source.loads).toHaveLength(1)
    await change((where === 'elsewhere' ? b : a).cache)
    await settle()
    expect(store.isLeased('k')).toBe(false)
    await give(a, 'refreshed')
    const kept = ['expire', 'invalidateTags', 'clear'].includes(name) ? 'old' : left
    expect(store.valueOf('k')).toBe(kept)
    const read = a.cache.get('k', { fresh: 'barrier' })
    expect(await endOf(read)).toBe(name === 'expire' ? 'old' : left)
    const after = a.cache.getOrLoad('k', a.source.load, {
      fresh: 'barrier',
      stalePolicy: 'revalidate',
    })
    await settle()
    if (left === undefined) await give(a, 'new')
    expect(await endOf(after)).toBe(left ?? 'new')
  })

  it.each(CHANGES)(
    'is obeyed by a barrier that comes before the push: %s',
    async (_, change, left) => {
      const { a, b, clock } = await warm()
      const before = a.cache.getOrLoad('k', a.source.load)
      await settle()
      a.client.stall()
      if (where === 'elsewhere') a.client.holdHeard()
      await change((where === 'elsewhere' ? b : a).cache)
      await settle()
      clock.advance(1)
      const after = a.cache.getOrLoad('k', a.source.load, { fresh: 'barrier' })
      await settle()
      a.client.letGo()
      await settle()
      a.source.loads[0]?.resolve('old')
      expect(await endOf(before)).toBe('old')
      expect(await endOf(after)).toBe(left ?? 'pending')
      if (left === undefined) await give(a, 'new')
      expect(await endOf(after)).toBe(left ?? 'new')
    },
  )
})

describe('a wait for the load of another', () => {
  it.each(CHANGES.slice(5))('goes on when what it belongs to is changed: %s', async (_, change) => {
    const { a, b, store } = await warm()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const waiting = b.cache.getOrLoad('k', b.source.load)
    await settle()
    await change(a.cache)
    await settle()
    // The lease is free now, so one of both makes it anew: the one that waits.
    expect(b.source.loads).toHaveLength(1)
    await give(a, 'old')
    expect(await endOf(first)).toBe('old')
    await give(b, 'new')
    expect(await endOf(waiting)).toBe('new')
    expect(store.valueOf('k')).toBe('new')
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe('new')
    expect(b.cache.stats()).toMatchObject({ loads: 1, stores: 1 })
  })

  it('is no load of its own when a third process changes what it belongs to', async () => {
    const { a, b, store } = await warm()
    await store.connect('other').leases?.take('k')
    const waiting = a.cache.getOrLoad('k', a.source.load)
    await settle()
    await b.cache.invalidateTags('t')
    await settle()
    expect(a.source.loads).toHaveLength(0)
    // Nor does the change that this process makes itself begin one.
    await a.cache.invalidateTags('t')
    await settle()
    expect(a.source.loads).toHaveLength(0)
    store.release(undefined, 'k')
    await settle()
    await give(a, 'new')
    expect(await endOf(waiting)).toBe('new')
    expect(await endOf(b.cache.get('k', { fresh: 'barrier' }))).toBe('new')
  })
})
