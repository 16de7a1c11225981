import { describe, expect, it } from 'vitest'
import { createCache } from '../src/index.ts'
import { memory, open, remote, source, turn } from './support/setup.ts'
import { manualClock } from '@hitbox/testing'

/** Over memory alone versions are this process's own; over a remote tier they are read and written there. */
const TIERS = [
  ['memory', (clock: ReturnType<typeof manualClock>) => [memory(clock)]],
  ['a remote tier', (clock: ReturnType<typeof manualClock>) => [remote(clock)]],
  [
    'memory over a remote tier',
    (clock: ReturnType<typeof manualClock>) => [memory(clock), remote(clock)],
  ],
] as const

function opened(tiers: (typeof TIERS)[number][1], options = {}) {
  const clock = manualClock()
  return open({ clock, tiers: tiers(clock), ...options })
}

describe.each(TIERS)('invalidateTags over %s', (_, tiers) => {
  it('ends every value that carries one of the tags, and no other', async () => {
    const { cache } = opened(tiers)
    await cache.getOrLoad('a', () => 1, { tags: ['org:7', 'eu'] })
    await cache.getOrLoad('b', () => 1, { tags: ['org:7'] })
    await cache.getOrLoad('c', () => 1, { tags: ['org:8'] })
    await cache.getOrLoad('d', () => 1)
    await cache.invalidateTags('org:7')
    expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([undefined, undefined, 1, 1])
    expect(await cache.getOrLoad('a', () => 2, { tags: ['org:7'] })).toBe(2)
    expect(await cache.getOrLoad('c', () => 2)).toBe(1)
    expect(await cache.get('a')).toBe(2)
    await cache.invalidateTags(['eu', 'org:8'], 'none')
    expect(await cache.getMany(['a', 'c', 'd'])).toEqual([2, undefined, 1])
  })

  it('ends values that were set, one by one and many, and results of functions', async () => {
    const { cache } = opened(tiers)
    await cache.set('one', 1, { tags: ['t'] })
    await cache.setMany([['two', 2]], { tags: ['t'] })
    await cache.getOrLoadMany([3, 4], async (ids) => ids.map(String), {
      key: (id) => ['n', id],
      tags: (id) => [`n:${id}`, 't'],
    })
    const f = cache.fn('f', (id: number) => id * 2, { tags: (id) => [`f:${id}`] })
    expect([await f(1), await f(2)]).toEqual([2, 4])
    expect(await cache.getMany(['one', 'two', ['n', 3], ['n', 4]])).toEqual([1, 2, '3', '4'])
    await cache.invalidateTags('n:3', 'f:1')
    expect(
      await cache.getMany([
        ['n', 3],
        ['n', 4],
        ['f', 1],
        ['f', 2],
      ]),
    ).toEqual([undefined, '4', undefined, 4])
    await cache.invalidateTags('t')
    expect(await cache.getMany(['one', 'two', ['n', 4]])).toEqual([undefined, undefined, undefined])
    expect(cache.peek('one')).toBeUndefined()
    expect(await cache.has('one')).toBe(false)
    expect(await cache.expire('one')).toMatchObject({ expired: false })
  })

  it('takes tags that the value tells, at the first load of them and later', async () => {
    const { cache } = opened(tiers)
    const load = (value: string, tag: string) => () =>
      cache.getOrLoad(
        'post',
        async ({ setTags }) => {
          await turn()
          setTags([tag], 'posts')
          return value
        },
        { ttl: '1m' },
      )
    expect(await load('first', 'author:1')()).toBe('first')
    await turn()
    expect(await load('unused', 'author:1')()).toBe('first')
    await cache.invalidateTags('author:2')
    expect(await cache.get('post')).toBe('first')
    await cache.invalidateTags('author:1')
    expect(await load('second', 'author:2')()).toBe('second')
    await turn()
    expect(await cache.get('post')).toBe('second')
    await cache.invalidateTags('posts')
    expect(await cache.get('post')).toBeUndefined()
  })

  it('adds the tags of the cache, the namespace, the call and the load', async () => {
    const { cache } = opened(tiers, { tags: ['app'] })
    const users = cache.namespace('users', { tags: ['users'] })
    for (const tag of ['app', 'users', 'call', 'load']) {
      const load = async ({ setTags }: { setTags: (...tags: string[]) => void }) => {
        setTags('load')
        return tag
      }
      expect(await users.getOrLoad('k', load, { tags: ['call'] })).toBe(tag)
      await turn()
      expect(await users.get('k')).toBe(tag)
      expect((await users.explain('k')).tiers.at(-1)?.tags).toEqual([
        'app',
        'users',
        'call',
        'load',
      ])
      await users.invalidateTags(tag)
      expect(await users.get('k')).toBeUndefined()
    }
  })

  it.each([
    ['of the call', { tags: ['t'] }, []],
    ['of the load', {}, ['t']],
  ] as const)('wins over a load under way, by a tag %s', async (_name, options, own) => {
    const { cache } = opened(tiers)
    const { loads, load } = source()
    const tagged = async (
      context: Parameters<typeof load>[0] & { setTags: (...tags: string[]) => void },
    ) => {
      const value = await load(context)
      context.setTags(...own)
      return value
    }
    const before = cache.getOrLoad('k', tagged, options)
    await turn()
    await cache.invalidateTags('t')
    const after = cache.getOrLoad('k', tagged, options)
    await turn()
    loads[0]?.resolve('old')
    expect(await before).toBe('old')
    await turn()
    expect(loads).toHaveLength(2)
    loads[1]?.resolve('new')
    expect(await after).toBe('new')
    await turn()
    expect(await cache.get('k')).toBe('new')
    expect(cache.stats()).toMatchObject({ overtaken: 1, stores: 1, inFlight: 0 })
  })

  it('wins over a batch and over a refresh behind a caller', async () => {
    const { cache, clock } = opened(tiers, { staleAfter: '10s' })
    const { loads, load } = source<readonly string[]>()
    const many = () =>
      cache.getOrLoadMany(
        ['x', 'y'],
        async () => load({ signal: AbortSignal.abort(), previous: undefined }),
        { tags: ['t'] },
      )
    const before = many()
    await turn()
    await cache.invalidateTags('t')
    const after = many()
    await turn()
    loads[0]?.resolve(['old x', 'old y'])
    loads[1]?.resolve(['new x', 'new y'])
    expect(await before).toEqual(['old x', 'old y'])
    expect(await after).toEqual(['new x', 'new y'])
    await turn()
    expect(await cache.getMany(['x', 'y'])).toEqual(['new x', 'new y'])
    clock.advance(11_000)
    expect(await many()).toEqual(['new x', 'new y'])
    await turn()
    expect(loads).toHaveLength(3)
    await cache.invalidateTags('t')
    loads[2]?.resolve(['refreshed', 'too late'])
    await turn()
    expect(await cache.getMany(['x', 'y'])).toEqual([undefined, undefined])
  })

  it('lets a batch that joined an overtaken load make the value anew', async () => {
    const { cache } = opened(tiers)
    const { loads, load } = source()
    const first = cache.getOrLoad('k', async (context) => {
      const value = await load(context)
      context.setTags('t')
      return value
    })
    await turn()
    await cache.invalidateTags('t')
    const batch = cache.getOrLoadMany(['k'], async () => ['new'])
    await turn()
    loads[0]?.resolve('old')
    expect(await first).toBe('old')
    expect(await batch).toEqual(['new'])
  })

  it('tells of what it does: reason, counts, explanation', async () => {
    const { cache } = opened(tiers)
    await cache.getOrLoad('k', () => 1, { tags: ['t'] })
    await turn()
    await cache.invalidateTags('t')
    const { context } = await cache.get.withContext('k')
    expect(context).toMatchObject({ status: 'forward', forward: 'miss', missReason: 'invalidated' })
    expect(cache.stats().invalidated).toBe(1)
    const tiersNow = (await cache.explain('k')).tiers
    expect(tiersNow.map(({ state, tags }) => [state, tags])).toEqual(
      tiersNow.map(() => ['invalidated', ['t']]),
    )
  })
})

describe.each(TIERS)('clear over %s', (_, tiers) => {
  it('ends everything, however it came in, and nothing that comes later', async () => {
    const { cache } = opened(tiers)
    await cache.set('a', 1)
    await cache.getOrLoad('b', () => 1, { tags: ['t'] })
    await cache.namespace('n').set('c', 1)
    await cache.clear()
    expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
    expect(await cache.namespace('n').get('c')).toBeUndefined()
    await cache.set('a', 2)
    expect([await cache.get('a'), cache.peek('a')]).toEqual([
      2,
      cache.stats().tiers.length === 1 && _ === 'a remote tier' ? undefined : 2,
    ])
  })

  it('of a namespace leaves the others alone', async () => {
    const { cache } = opened(tiers)
    const shop = cache.namespace('shop')
    const cart = shop.namespace('cart')
    for (const part of [cache, shop, cart, cache.namespace('blog')]) await part.set('k', 'v')
    await shop.clear()
    expect(await shop.get('k')).toBeUndefined()
    expect(await cart.get('k')).toBeUndefined()
    expect(await cache.get('k')).toBe('v')
    expect(await cache.namespace('blog').get('k')).toBe('v')
    await cart.set('k', 'w')
    expect(await cache.namespace('shop').namespace('cart').get('k')).toBe('w')
  })

  it('wins over loads under way', async () => {
    const { cache } = opened(tiers)
    const { loads, load } = source()
    const before = cache.getOrLoad('k', load)
    await turn()
    await cache.clear()
    const after = cache.getOrLoad('k', load)
    await turn()
    expect(loads).toHaveLength(2)
    loads[0]?.resolve('old')
    expect(await before).toBe('old')
    await turn()
    expect(await cache.get('k')).toBeUndefined()
    loads[1]?.resolve('new')
    expect(await after).toBe('new')
    await turn()
    expect(await cache.get('k')).toBe('new')
  })
})

describe('namespace', () => {
  it('has keys of its own that no key of the cache can be', async () => {
    const { cache } = open()
    const users = cache.namespace('user')
    await users.set('42', 'in the namespace')
    await cache.set(['user', 42], 'a tuple')
    await cache.set(['user', '42'], 'a tuple of text')
    expect(await users.get('42')).toBe('in the namespace')
    expect(await cache.get(['user', 42])).toBe('a tuple')
    expect((await users.explain('42')).key).toBe('user::42')
    expect((await cache.namespace('a').namespace('b').explain(['k', 1])).key).toBe('a::b::k:1')
  })

  it('keeps versions of a program apart, in the cache and in a namespace', async () => {
    const clock = manualClock()
    const tier = memory(clock)
    const one = createCache({ tiers: [tier], clock, ttl: '1m', version: 1 })
    const two = createCache({ tiers: [tier], clock, ttl: '1m', version: 2, namespace: 'shop' })
    await one.set('k', 1)
    await two.set('k', 2)
    await two.namespace('n', { version: 3 }).set('k', 3)
    expect((await one.explain('k')).key).toBe('v1::k')
    expect((await two.namespace('n', { version: 3 }).explain('k')).key).toBe('shop:v2::n:v3::k')
    expect([await one.get('k'), await two.get('k')]).toEqual([1, 2])
    expect(await two.namespace('n').get('k')).toBeUndefined()
    await one.close()
  })

  it('has defaults of its own, over those of the cache', async () => {
    const { cache, clock } = open({ ttl: '1m', staleIfError: '1h' })
    const short = cache.namespace('short', { ttl: '1s' })
    await short.set('k', 'v')
    await cache.set('k', 'v')
    clock.advance(2_000)
    expect(await short.get('k')).toBeUndefined()
    expect(await cache.get('k')).toBe('v')
    const fail = () => Promise.reject(new Error('down'))
    expect(await short.getOrLoad('k', fail)).toBe('v')
  })

  it('tells a listener of its own, beside that of the cache', async () => {
    const all: string[] = []
    const own: string[] = []
    const { cache } = open({ onEvent: ({ type }) => all.push(type) })
    const users = cache.namespace('users', { onEvent: ({ type }) => own.push(type) })
    await users.getOrLoad('k', () => 1)
    expect(own).toEqual(['load', 'load', 'call'])
    expect(all).toEqual(own)
    await cache.getOrLoad('k', () => 1)
    expect(all).toHaveLength(6)
    expect(own).toHaveLength(3)
  })

  it('has functions with names of its own', async () => {
    const { cache } = open()
    const users = cache.namespace('users')
    const f = users.fn('f', (n: number) => n + 1)
    const g = cache.fn('f', (n: number) => n + 2)
    expect([await f(1), await g(1), f.peek(1), g.peek(1)]).toEqual([2, 3, 2, 3])
    expect(await users.get(f.keyOf(1))).toBe(2)
    expect(await f.delete(1)).toMatchObject({ deleted: true })
    expect(await g(1)).toBe(3)
    expect(() => cache.namespace('users').fn('f', () => 1)).toThrow('"name" must be')
  })

  it('is over when its cache is closed', async () => {
    const { cache } = open()
    const users = cache.namespace('users')
    await cache.close()
    await expect(users.get('k')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => users.namespace('n')).toThrow('closed')
  })

  it.each([
    ['an empty name', () => open().cache.namespace('')],
    ['a misspelt option', () => open().cache.namespace('n', { tll: '1m' } as never)],
    ['a version that is none', () => open().cache.namespace('n', { version: -1 })],
    ['a namespace of the cache that is none', () => createCache({ namespace: '' })],
    ['tags that are no list', () => createCache({ tags: 'a' as never })],
    ['an empty tag', () => createCache({ tags: [''] })],
    ['too many tags', () => createCache({ tags: Array.from({ length: 257 }, (_, i) => `t${i}`) })],
  ])('refuses %s', (_, run) => {
    expect(run).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })

  it('refuses keys and tags that cannot be used, when they are used', async () => {
    const { cache } = open()
    await expect(cache.get('::@')).rejects.toMatchObject({ code: 'INVALID_KEY' })
    await expect(cache.invalidateTags('')).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(cache.getOrLoad('k', () => 1, { tags: [1 as never] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await expect(cache.getOrLoad('k', ({ setTags }) => setTags(''))).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await expect(cache.invalidateTags()).resolves.toEqual({ token: 'h1' })
  })
})
