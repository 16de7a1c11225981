import { describe, expect, it } from 'vitest'
import { type Definition, defineCache, type StandardSchema } from '../src/index.ts'
import { open, source, turn } from './support/setup.ts'

interface User {
  readonly id: number
  readonly org: number
}

function users() {
  const { cache, clock } = open()
  const loads: number[] = []
  const app = defineCache(
    {
      user: {
        tags: (id: number) => [`user:${id}`, 'users'] as const,
        load: (id: number): User => {
          loads.push(id)
          return { id, org: id % 2 }
        },
      },
      org: {
        key: (org: { readonly id: number }) => org.id,
        load: ({ id }: { readonly id: number }, { setTags }) => {
          setTags(`org:${id}`)
          return `org ${id}`
        },
      },
      settings: { ttl: '1s', load: () => ({ dark: true }) },
      seen: { key: (id: string) => [id, 'at'] },
    },
    cache,
  )
  return { app, cache, clock, loads }
}

describe('defineCache', () => {
  it('loads, keeps and names what it defines', async () => {
    const { app, cache, loads } = users()
    expect(app.user.peek(1)).toBeUndefined()
    expect(await app.user(1)).toEqual({ id: 1, org: 1 })
    expect(await app.user(1)).toEqual({ id: 1, org: 1 })
    expect(loads).toEqual([1])
    expect([app.user.peek(1), await app.user.get(1), await app.user.has(1)]).toEqual([
      { id: 1, org: 1 },
      { id: 1, org: 1 },
      true,
    ])
    expect(await cache.get(['user', 1])).toEqual({ id: 1, org: 1 })
    expect([
      app.user.keyOf(1),
      app.org.keyOf({ id: 7 }),
      app.settings.keyOf(),
      app.seen.keyOf('x'),
    ]).toEqual(['user:1', 'org:7', 'settings:', 'seen:x&at'])
    expect((await app.user.withContext(1)).context.status).toBe('hit')
    expect(await app.user.delete(1)).toMatchObject({ deleted: true })
    expect(await app.user.get(1)).toBeUndefined()
    expect(await app.settings()).toEqual({ dark: true })
  })

  it('ends values by the tags it defines, whether loaded or set', async () => {
    const { app, loads } = users()
    await app.user(1)
    await app.user.set(2, { id: 2, org: 9 })
    await app.org({ id: 7 })
    await app.invalidateTags('user:2')
    expect([app.user.peek(1), app.user.peek(2)]).toEqual([{ id: 1, org: 1 }, undefined])
    await app.invalidateTags(['users'])
    expect(app.user.peek(1)).toBeUndefined()
    expect(app.org.peek({ id: 7 })).toBe('org 7')
    await app.cache.invalidateTags('org:7')
    expect(app.org.peek({ id: 7 })).toBeUndefined()
    await app.user(1)
    expect(loads).toEqual([1, 1])
  })

  it('has a policy for each, over that of the cache', async () => {
    const { app, clock } = users()
    await app.settings()
    await app.settings.set({ dark: false })
    expect(app.settings.peek()).toEqual({ dark: false })
    await app.seen.set('x', 1)
    clock.advance(2_000)
    expect([app.settings.peek(), app.seen.peek('x')]).toEqual([undefined, 1])
    expect(await app.seen.expire('x')).toMatchObject({ expired: true })
  })

  it('loads many in one go, or each for itself', async () => {
    const { app, loads, cache } = users()
    await app.user(2)
    expect(await app.user.many([1, 2, 1])).toEqual([
      { id: 1, org: 1 },
      { id: 2, org: 0 },
      { id: 1, org: 1 },
    ])
    expect(loads).toEqual([2, 1])
    const batches: (readonly number[])[] = []
    const many = defineCache(
      {
        item: {
          tags: (id: number) => [`item:${id}`],
          loadMany: async (ids: readonly number[]) => {
            batches.push(ids)
            return ids.map((id) => (id === 13 ? new Error('unlucky') : `item ${id}`))
          },
        },
        row: { loadMany: (ids: readonly string[]) => new Map(ids.map((id) => [id, id.length])) },
      },
      cache,
    )
    expect(await many.item.many([1, 2, 1])).toEqual(['item 1', 'item 2', 'item 1'])
    expect(await many.item(3)).toBe('item 3')
    expect(batches).toEqual([[1, 2], [3]])
    await many.invalidateTags('item:1')
    expect([many.item.peek(1), many.item.peek(2)]).toEqual([undefined, 'item 2'])
    await expect(many.item(13)).rejects.toThrow('unlucky')
    expect(await many.row('four')).toBe(4)
  })

  it('lets a schema decide what comes out of tiers', async () => {
    const { cache } = open()
    const schema: StandardSchema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'no' }] },
      },
    }
    const app = defineCache({ n: { schema, load: (id: string) => id.length } }, cache)
    await cache.set(['n', 'one'], 'not a number')
    expect(await app.n.get('one')).toBeUndefined()
    expect(await app.n('one')).toBe(3)
    expect(app.n.peek('one')).toBe(3)
  })

  it('keeps versions of a definition apart', async () => {
    const { cache } = open()
    const old = defineCache(
      { user: { load: (id: number | { n: number }) => `one ${JSON.stringify(id)}` } },
      cache,
    )
    const app = defineCache(
      { user2: { version: 2, load: (id: number | { n: number }) => `two ${JSON.stringify(id)}` } },
      cache,
    )
    expect([old.user.keyOf(1), app.user2.keyOf(1), app.user2.keyOf({ n: 1 })]).toEqual([
      'user:1',
      'user2:v2:1',
      'user2:v2:%7B%22n%22%3A1%7D=',
    ])
    expect(await app.user2(1)).toBe('two 1')
  })

  it('shares a load among its callers, and hands the signal and the old value on', async () => {
    const { cache, clock } = open({ staleAfter: '1s' })
    const { loads, load } = source()
    const app = defineCache({ k: { load: (_: number, context) => load(context) } }, cache)
    const both = Promise.all([app.k(1), app.k(1)])
    await turn()
    expect(loads).toHaveLength(1)
    loads[0]?.resolve('first')
    expect(await both).toEqual(['first', 'first'])
    clock.advance(2_000)
    expect(await app.k(1)).toBe('first')
    await turn()
    expect(loads[1]?.previous).toMatchObject({ value: 'first' })
    loads[1]?.resolve('second')
    await turn()
    expect(app.k.peek(1)).toBe('second')
  })

  it('closes a cache of its own, and leaves one that was passed in open', async () => {
    const { cache } = open()
    const lent = defineCache({ a: { load: () => 1 } }, cache.namespace('n'))
    await lent.close()
    expect(await lent.a()).toBe(1)
    const own = defineCache({ a: { load: () => 1 } }, { ttl: '1m' })
    expect(await own.a()).toBe(1)
    await own.close()
    await expect(own.a()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it.each([
    ['no definitions', undefined],
    ['a definition that is none', { a: 1 }],
    ['a misspelt option', { a: { lod: () => 1 } }],
    ['a load that is no function', { a: { load: 1 } }],
    ['a version that is none', { a: { version: 0.5 } }],
    ['a name that it needs for itself', { cache: { load: () => 1 } }],
    ['an empty name', { '': { load: () => 1 } }],
    ['a definition that loads, without a ttl', { a: { load: () => 1 } }],
    ['two of one name in one cache', { twice: { ttl: '1m' } }],
  ])('refuses %s', (_, definitions) => {
    const { cache } = open()
    defineCache({ twice: { ttl: '1m' } }, cache)
    const over = _.includes('without') ? {} : cache
    expect(() => defineCache(definitions as unknown as Record<string, Definition>, over)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })

  it('refuses an input that cannot be a key, when it is used', async () => {
    const { cache } = open()
    const app = defineCache({ a: { load: (f: () => void) => typeof f } }, cache)
    await expect(app.a(() => undefined)).rejects.toMatchObject({ code: 'INVALID_KEY' })
  })
})
