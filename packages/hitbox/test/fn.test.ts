import { cacheKey, type KeyAtom, keyText } from '@hitbox/core'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { argumentKey, argumentKeys } from '../src/function/argument-key.ts'
import { open, turn } from './support/setup.ts'

describe('fn', () => {
  it('caches by arguments, telling kinds and absence apart', async () => {
    const { cache } = open()
    const f = vi.fn((...args: unknown[]) => args.length)
    const cached = cache.fn('f', f)
    const calls: unknown[][] = [
      [],
      [undefined],
      [1],
      ['1'],
      [1n],
      [null],
      ['null'],
      [1, undefined],
      [{}],
      ['{}'],
      [[1]],
      [['1']],
      [true],
      ['true'],
    ]
    for (const args of calls) await cached(...args)
    expect(f).toHaveBeenCalledTimes(calls.length)
    for (const args of calls) expect(await cached(...args)).toBe(args.length)
    expect(f).toHaveBeenCalledTimes(calls.length)
  })

  it('names its entries by the tuple of name and arguments', async () => {
    const { cache } = open()
    const getUser = cache.fn('user', (id: number) => `user ${id}`)
    await getUser(42)
    expect(await cache.get(['user', 42])).toBe('user 42')
    expect(getUser.keyOf(42)).toBe('user:42')
    expect(getUser.peek(42)).toBe('user 42')
    expect(getUser.peek(43)).toBeUndefined()
    expect(await getUser.delete(42)).toMatchObject({ deleted: true })
    expect(getUser.peek(42)).toBeUndefined()
    expect(getUser.uncached(7)).toBe('user 7')
    expect((await getUser.withContext(42)).context.forward).toBe('miss')
  })

  it('leaves out arguments it is told to skip, or asks for the key', async () => {
    const { cache } = open()
    const f = vi.fn((_: unknown, id: number) => id)
    const skipping = cache.fn('skipping', f, { skip: [0] })
    await skipping({ logger: () => 1 }, 1)
    await skipping(Symbol('other'), 1)
    expect(f).toHaveBeenCalledTimes(1)
    const keyed = cache.fn('keyed', (user: { id: number; name: string }) => user.name, {
      key: (user) => user.id,
    })
    expect(await keyed({ id: 1, name: 'a' })).toBe('a')
    expect(await keyed({ id: 1, name: 'b' })).toBe('a')
    expect(await keyed({ id: 2, name: 'b' })).toBe('b')
  })

  it('has the behaviour of getOrLoad, with options of its own', async () => {
    const { cache, clock } = open()
    const f = vi.fn(async (id: number) => id)
    const cached = cache.fn('f', f, { ttl: '1s' })
    expect(await Promise.all([cached(1), cached(1)])).toEqual([1, 1])
    expect(f).toHaveBeenCalledTimes(1)
    await turn()
    await cache.delete(['f', 1])
    await cached(1)
    clock.advance('1s')
    await cached(1)
    expect(f).toHaveBeenCalledTimes(3)
  })

  it('refuses what it cannot work with, by name', async () => {
    const { cache } = open()
    const f = (): number => 1
    expect(() => cache.fn('', f)).toThrow('"name"')
    expect(() => cache.fn('a', 1 as never)).toThrow('"f"')
    expect(() => cache.fn('a', f, { skp: [0] } as never)).toThrow('"skp"')
    expect(() => cache.fn('a', f, { skip: [-1] })).toThrow('"skip"')
    expect(() => cache.fn('a', f, { skip: [0], key: () => 1 })).toThrow('"skip"')
    cache.fn('a', f)
    expect(() => cache.fn('a', f)).toThrow('"name"')
  })

  it.each([
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['an instance', new URL('https://example.org')],
    ['a circle', circle()],
    ['an object with symbols', { [Symbol('s')]: 1 }],
  ])('refuses %s as an argument, and says what to do', async (_, argument) => {
    const { cache } = open()
    const cached = cache.fn('f', (value: unknown) => value)
    await expect(cached(argument)).rejects.toMatchObject({
      code: 'INVALID_KEY',
      message: expect.stringContaining('"key"'),
    })
  })
})

function circle(): object {
  const self: Record<string, unknown> = {}
  self['self'] = self
  return self
}

describe('argumentKey', () => {
  it('does not depend on the order in which an object or a set was made', () => {
    expect(argumentKey('f', [{ a: 1, b: { d: 1, c: 2 } }])).toBe(
      argumentKey('f', [{ b: { c: 2, d: 1 }, a: 1 }]),
    )
    expect(
      argumentKey('f', [
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      ]),
    ).toBe(
      argumentKey('f', [
        new Map([
          ['b', 2],
          ['a', 1],
        ]),
      ]),
    )
    expect(argumentKey('f', [new Set([1, 2])])).toBe(argumentKey('f', [new Set([2, 1])]))
  })

  it('tells apart what differs in depth', () => {
    const args: unknown[] = [
      {},
      [],
      { a: undefined },
      { a: null },
      { a: 'null' },
      [undefined],
      [null],
      [1],
      [1n],
      ['1'],
      ['1n'],
      new Date(1),
      'Date(1)',
      new Date(Number.NaN),
      new Set(),
      new Map(),
      new Set([1]),
      new Map([[1, 1]]),
      new Uint8Array([1]),
      new Uint8Array([0, 1]),
      { a: [1, { b: 2 }] },
      { a: [1, { b: '2' }] },
      '{"a":1}',
      { a: 1 },
      { a: 1, b: 1 },
      { 'a":1,"b': 1 },
      [['a', 'b']],
      ['a', 'b'],
      ['a,b'],
    ]
    const keys = args.map((arg) => argumentKey('f', [arg]))
    expect(new Set(keys).size).toBe(args.length)
    expect(argumentKey('f', [{ a: 1 }, 2])).not.toBe(argumentKey('f', [[{ a: 1 }, 2]]))
    expect(argumentKey('f', [{}, 'a&b'])).not.toBe(argumentKey('f', [{}, 'a', 'b']))
    for (const key of keys) expect(cacheKey({ parts: [[key, null]] }).text).not.toBe('')
  })

  it('is the key of the tuple for plain arguments, the quick way too', () => {
    const atom: fc.Arbitrary<KeyAtom> = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[A-Za-z_][\w-]{0,8}$/),
      fc.constantFrom('true', 'null', 'NaN', 'Infinity', 'undefined', '-0', '1', '1n', "'"),
      fc.integer(),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constantFrom(null, undefined),
    )
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(atom, { maxLength: 3 }), (name, args) => {
        expect(argumentKeys(name)(args)).toBe(keyText([name, ...args]))
      }),
      { numRuns: 3_000 },
    )
  })

  it('is injective over structures of plain data', () => {
    const value = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), (a, b) => {
        const same = canonicalJson(a) === canonicalJson(b)
        expect(argumentKey('f', a) === argumentKey('f', b)).toBe(same)
      }),
      { numRuns: 2_000 },
    )
  })
})

/** JSON that does not depend on the order of names; -0 is 0. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
