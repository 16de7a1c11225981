import { describe, expect, it } from 'vitest'
import { type Cache, defineCache, type Fresh } from '../src/index.ts'
import { type Fleet, fleet, give } from './support/fleet.ts'
import { open } from './support/setup.ts'
import { endOf, settle } from './support/settle.ts'

/** Two processes with a copy of `k` each; the feed of the first hears nothing before somebody asks for it. */
async function deaf(options: Parameters<typeof fleet>[0] = {}): Promise<Fleet> {
  const all = await fleet({ tags: ['t'], ...options })
  const { a, b, clock } = all
  const copied = ['k', ['f', 1]] as const
  await a.cache.setMany(copied.map((key) => [key, 'old']))
  for (const { cache } of [a, b]) await cache.getMany(copied)
  a.client.holdHeard()
  a.client.stall()
  clock.advance(1)
  return all
}

/** Lets an answer of the first come, and what was told before it. */
async function heard({ a, clock }: Fleet): Promise<void> {
  clock.advance(1)
  await settle()
  while (a.client.coming.length > 0) {
    a.client.hear()
    await settle()
  }
}

/** All ways to read one key. */
const READS: readonly (readonly [
  name: string,
  read: (cache: Cache, fresh: Fresh | undefined) => Promise<unknown>,
])[] = [
  ['get', (cache, fresh) => cache.get('k', { fresh })],
  ['getMany', async (cache, fresh) => (await cache.getMany(['k'], { fresh }))[0]],
  ['getOrLoad', (cache, fresh) => cache.getOrLoad('k', () => undefined, { fresh })],
  [
    'getOrLoadMany',
    async (cache, fresh) => (await cache.getOrLoadMany(['k'], () => [undefined], { fresh }))[0],
  ],
  ['fn', (cache, fresh) => cache.fn('f', (_id: number) => undefined, { fresh })(1)],
]

describe('fresh: barrier', () => {
  it.each(READS)('obeys what was acknowledged before it: %s', async (_, read) => {
    const all = await deaf()
    const { a, b } = all
    await b.cache.deleteMany(['k', ['f', 1]])
    const plain = a.cache.get('k')
    expect(await endOf(plain)).toBe('old')
    const call = read(a.cache, 'barrier')
    await heard(all)
    expect(await endOf(call)).toBe(undefined)
  })

  it('holds for all of a namespace, a definition, and a cache', async () => {
    const all = await fleet()
    const { a, b } = all
    const keyed = (cache: Cache) => {
      const users = cache.namespace('users', { fresh: 'barrier' })
      const one = defineCache(
        { defined: { fresh: 'barrier', load: async (id: number) => `${id}` } },
        cache,
      )
      return { users, one }
    }
    const [inA, inB] = [keyed(a.cache), keyed(b.cache)]
    await inA.users.set('k', 'old')
    await inA.one.defined.set(1, 'old')
    a.client.holdHeard()
    a.client.stall()
    all.clock.advance(1)
    const removed = Promise.all([inB.users.delete('k'), inB.one.defined.delete(1)])
    await settle()
    await removed
    const calls = [inA.users.get('k'), inA.one.defined.get(1), inA.one.defined(1)]
    await heard(all)
    expect(await Promise.all(calls.map((call) => endOf(call)))).toEqual([undefined, undefined, '1'])
  })

  it('obeys an invalidation of a tag, and a clear', async () => {
    for (const change of [
      (cache: Cache) => cache.invalidateTags('t'),
      (cache: Cache) => cache.clear(),
    ]) {
      const all = await deaf()
      await change(all.b.cache)
      expect(await endOf(all.a.cache.get('k'))).toBe('old')
      const call = all.a.cache.get('k', { fresh: 'barrier' })
      await heard(all)
      expect(await endOf(call)).toBe(undefined)
    }
  })

  it('joins no question to the tiers that began before', async () => {
    const all = await deaf()
    const { a, b, store } = all
    store.put('l', 'old', { freshMs: 60_000, ttlMs: 60_000 })
    const before = a.cache.get('l')
    await settle()
    await b.cache.delete('l')
    all.clock.advance(1)
    const call = a.cache.get('l', { fresh: 'barrier' })
    await heard(all)
    expect(await endOf(before)).toBe('old')
    expect(await endOf(call)).toBe(undefined)
  })

  it('joins no load that began before a change, though its push is lost', async () => {
    const { a, b, clock } = await fleet()
    const before = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.stall()
    a.client.losing = true
    await b.cache.delete('k')
    clock.advance(1)
    a.client.trouble = (order) => (order === 'ping' ? 'fails' : undefined)
    const call = a.cache.getOrLoad('k', a.source.load, { fresh: 'barrier' })
    await settle()
    expect(a.source.loads).toHaveLength(2)
    a.source.loads[0]?.resolve('old')
    expect(await endOf(before)).toBe('old')
    await give(a, 'new')
    expect(await endOf(call)).toBe('new')
  })

  it.each([
    [
      'getOrLoad',
      (cache: Cache, load: () => Promise<string>) =>
        cache.getOrLoad('k', load, { tags: ['t'], fresh: 'barrier' }),
    ],
    [
      'getOrLoadMany',
      async (cache: Cache, load: () => Promise<string>) =>
        (
          await cache.getOrLoadMany(['k'], async () => [await load()], {
            tags: ['t'],
            fresh: 'barrier',
          })
        )[0],
    ],
  ] as const)('joins no load that ends while its versions are asked for: %s', async (_, read) => {
    const { a, b, clock } = await fleet()
    await a.cache.set('other', 'value', { tags: ['t'] })
    a.client.reconnect()
    // What it knows of the tag is from before, and nobody will tell it more.
    a.client.trouble = (order) => (order === 'read versions' ? 'fails' : undefined)
    const before = a.cache.getOrLoad('k', a.source.load, { tags: ['t'] })
    await settle()
    a.client.trouble = () => undefined
    await b.cache.invalidateTags('t')
    clock.advance(1_001)
    a.client.holdHeard()
    const call = read(a.cache, () => Promise.resolve('new'))
    for (let turns = 0; !a.client.coming.some((name) => name.includes('versions')); turns += 1) {
      expect(turns).toBeLessThan(20)
      a.client.hear()
      await settle()
    }
    a.source.loads[0]?.resolve('old')
    await settle()
    a.client.letGo()
    expect(await endOf(call)).toBe('new')
    expect(await endOf(before)).toBe('old')
  })

  it('asks once in a tick, for the keys that are here', async () => {
    const { a, clock, store } = await fleet()
    await a.cache.set('k', 1)
    await a.cache.set('l', 2)
    a.client.stall()
    clock.advance(1)
    const calls = ['k', 'l', 'k', 'm'].map((key) => a.cache.get(key, { fresh: 'barrier' }))
    await settle()
    expect(await Promise.all(calls)).toEqual([1, 2, 1, undefined])
    expect(a.client.pings).toBe(1)
    const version = store.versionKey('@')
    expect(a.client.barriers).toEqual([['k', version], ['l', version], ['k', version], [version]])
    clock.advance(1)
    await a.cache.getMany(['k', 'l', 'm'], { fresh: 'barrier' })
    expect(a.client.pings).toBe(2)
    expect(new Set(a.client.barriers.at(-1))).toEqual(new Set(['k', 'l', version]))
  })

  it('costs nothing where the fence is newer than the call already', async () => {
    const { a } = await fleet()
    await a.cache.set('k', 1)
    expect(await a.cache.get('k', { fresh: 'barrier' })).toBe(1)
    expect(a.client.pings).toBe(0)
  })

  it('ends with the caller’s signal, and counts', async () => {
    const all = await deaf()
    const leaving = new AbortController()
    const call = all.a.cache.getOrLoad('k', () => 'new', {
      fresh: 'barrier',
      signal: leaving.signal,
    })
    const batch = all.a.cache.getOrLoadMany(['k', 'l'], () => ['new', 'new'], {
      fresh: 'barrier',
      signal: leaving.signal,
    })
    const ends = Promise.allSettled([call, batch])
    await settle()
    leaving.abort(new Error('left'))
    expect(await ends).toMatchObject([
      { status: 'rejected', reason: { message: 'left' } },
      { status: 'rejected', reason: { message: 'left' } },
    ])
  })
})

describe('a barrier that fails', () => {
  it('passes by everything here, and asks the store itself', async () => {
    const { a, b, clock } = await fleet()
    await a.cache.set('k', 'old')
    a.client.stall()
    a.client.losing = true
    await b.cache.set('k', 'new')
    clock.advance(1)
    a.client.trouble = (order) => (order === 'ping' ? 'fails' : undefined)
    expect(await endOf(a.cache.get('k'))).toBe('old')
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe('new')
  })

  it('loads where the store does not answer either, and stores nothing', async () => {
    const { a, b, clock, store } = await fleet()
    await a.cache.set('k', 'old')
    const joinable = a.cache.getOrLoad('l', a.source.load)
    await settle()
    a.client.stall()
    a.client.losing = true
    await b.cache.delete('k')
    clock.advance(1)
    a.client.trouble = () => 'fails'
    const calls = ['k', 'l'].map((key) =>
      a.cache.getOrLoad.withContext(key, async () => `${key} new`, { fresh: 'barrier' }),
    )
    expect(await endOf(calls[0] as never)).toMatchObject({ value: 'k new' })
    expect(await endOf(calls[1] as never)).toMatchObject({
      value: 'l new',
      context: { source: 'upstream', stored: false },
    })
    expect(store.keys.filter((key) => key === 'k')).toEqual([])
    // Nor is it stored here.
    a.client.trouble = () => undefined
    clock.advance(2_000)
    expect(await endOf(a.cache.get('k', { fresh: 'local' }))).toBe('old')
    a.client.losing = false
    a.client.reconnect()
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe(undefined)
    a.source.loads[0]?.resolve('l old')
    expect(await endOf(joinable)).toBe('l old')
  })

  it('is no failure of a plain get', async () => {
    const { a, clock } = await fleet()
    await a.cache.set('k', 'old')
    a.client.stall()
    clock.advance(1)
    a.client.trouble = () => 'fails'
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe(undefined)
    a.client.trouble = () => undefined
  })
})

describe('fresh: local and maxStale', () => {
  it.each(READS)('local serves without a fence: %s', async (_, read) => {
    const { a, clock } = await deaf()
    clock.advance('20s')
    expect(await endOf(read(a.cache, 'local'))).toBe('old')
    expect(a.client.pings).toBe(0)
  })

  it('maxStale asks only where the fence is older than that', async () => {
    const all = await deaf()
    const { a, b, clock } = all
    await b.cache.delete('k')
    clock.advance(400)
    expect(await endOf(a.cache.get('k', { fresh: { maxStale: '500ms' } }))).toBe('old')
    expect(a.client.pings).toBe(0)
    clock.advance(200)
    const call = a.cache.get('k', { fresh: { maxStale: '500ms' } })
    await heard(all)
    expect(a.client.pings).toBe(1)
    expect(await endOf(call)).toBe(undefined)
  })

  it('maxStale may ask for less than the tiers give by themselves', async () => {
    const { a, clock } = await deaf()
    clock.advance('5s')
    expect(await endOf(a.cache.get('k', { fresh: { maxStale: '10s' } }))).toBe('old')
    expect(a.client.pings).toBe(0)
  })
})

describe('tokens', () => {
  /** Each change gives a token that says how far the store was. */
  const CHANGES: readonly (readonly [
    name: string,
    change: (cache: Cache) => Promise<{ readonly token: string }>,
  ])[] = [
    ['delete', (cache) => cache.delete('k')],
    ['deleteMany', (cache) => cache.deleteMany(['k'])],
    ['set', (cache) => cache.set('k', 'new')],
    ['setMany', (cache) => cache.setMany([['k', 'new']])],
    ['expire', (cache) => cache.expire('k')],
    ['invalidateTags', (cache) => cache.invalidateTags('t')],
    ['clear', (cache) => cache.clear()],
  ]

  it.each(CHANGES)('of a change are obeyed elsewhere: %s', async (name, change) => {
    const all = await deaf()
    const { a, b, store } = all
    const { token } = await change(b.cache)
    expect(token).toBe(`h1.${store.seq}`)
    expect(await endOf(a.cache.get('k'))).toBe('old')
    const call = a.cache.get.withContext('k', { fresh: token })
    await heard(all)
    expect(a.client.pings).toBe(1)
    const now = name.startsWith('set') ? 'new' : name === 'expire' ? 'old' : undefined
    expect(await endOf(call)).toMatchObject({
      value: now,
      context: { status: name.startsWith('set') ? 'hit' : name === 'expire' ? 'stale' : 'forward' },
    })
  })

  it('that were reached cost nothing', async () => {
    const all = await deaf()
    const { a, b } = all
    const { token } = await b.cache.set('other', 1)
    await heard(all)
    const first = a.cache.get('k', { fresh: token })
    await heard(all)
    expect(await endOf(first)).toBe('old')
    const { pings } = a.client
    all.clock.advance(1)
    expect(await endOf(a.cache.get('k', { fresh: token }))).toBe('old')
    expect(a.client.pings).toBe(pings)
  })

  it.each(['', 'h', 'h2.1', 'local ', 'h1 1', 'h1\n', `h1${'x'.repeat(3_999)}`, 'soon'])(
    'that are none are refused: %j',
    async (fresh) => {
      const { a } = await fleet()
      for (const call of [
        a.cache.get('k', { fresh }),
        a.cache.getMany(['k'], { fresh }),
        a.cache.getOrLoad('k', () => 1, { fresh }),
        a.cache.getOrLoadMany(['k'], () => [1], { fresh }),
      ]) {
        expect(await endOf(call)).toBe('INVALID_OPTION')
      }
      expect(() => a.cache.fn('f', () => 1, { fresh })).toThrow(/fresh/)
      expect(() => a.cache.namespace('n', { fresh })).toThrow(/fresh/)
      expect(a.cache.stats().calls).toBe(0)
    },
  )

  it.each([null, 1, {}, { maxStale: 'soon' }, { maxStale: -1 }, true, []])(
    'nor are other demands understood: %j',
    async (fresh) => {
      const { a } = await fleet()
      expect(await endOf(a.cache.get('k', { fresh: fresh as never }))).toBe('INVALID_OPTION')
    },
  )
})

describe('fresh over memory alone', () => {
  it('has no effect, and receipts have a token all the same', async () => {
    const { cache } = open()
    const { token } = await cache.set('k', 1)
    for (const fresh of ['barrier', 'local', token, { maxStale: '1ms' }] as const) {
      expect(await cache.get('k', { fresh })).toBe(1)
      expect(await cache.getOrLoad('k', () => 2, { fresh })).toBe(1)
      expect(await cache.getMany(['k'], { fresh })).toEqual([1])
    }
  })
})
