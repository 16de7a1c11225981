import { keyText } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { memoryBackend } from '@hitbox/memory'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import type { FnOptions } from '../src/index.ts'
import { open, turn } from './support/setup.ts'

/*
 * The scenarios of cached functions in Hitbox for Rust, translated. There a macro reads the names of the parameters and a trait says
 * how each becomes part of a key; here arguments count by position, and any plain value has a canonical form. What its compiler
 * refuses (methods, names to skip that no parameter has) cannot arise, or is refused by types or when the function is made.
 */

type Args = readonly unknown[]

interface Row {
  readonly name: string
  readonly options?: FnOptions<Args>
  readonly calls: readonly Args[]
  /** Texts of the keys, one per call. */
  readonly keys: readonly string[]
  /** Which calls run the function, counted from 0. The others are answered by an earlier one. */
  readonly runs: readonly number[]
}

const logger = { log: () => undefined }
const url = new URL('https://example.org')

const SKIPPED: readonly Row[] = [
  {
    name: 'a parameter that is skipped does not tell calls apart',
    options: { skip: [1] },
    calls: [
      [1, 'a'],
      [1, 'b'],
    ],
    keys: ['f:1', 'f:1'],
    runs: [0],
  },
  {
    name: 'a parameter that is not skipped does',
    options: { skip: [1] },
    calls: [
      [1, 'a'],
      [2, 'a'],
    ],
    keys: ['f:1', 'f:2'],
    runs: [0, 1],
  },
  {
    name: 'several are skipped, with one between them',
    options: { skip: [0, 2] },
    calls: [
      ['trace 1', 7, 'x'],
      ['trace 2', 7, 'y'],
      ['trace 2', 8, 'y'],
    ],
    keys: ['f:7', 'f:7', 'f:8'],
    runs: [0, 2],
  },
  {
    name: 'the first is skipped',
    options: { skip: [0] },
    calls: [
      ['a', 1, 2],
      ['b', 1, 2],
      ['b', 2, 1],
    ],
    keys: ['f:1&2', 'f:1&2', 'f:2&1'],
    runs: [0, 2],
  },
  {
    name: 'the last is skipped, given or not',
    options: { skip: [2] },
    calls: [
      [1, 2, 'a'],
      [1, 2],
      [1, 2, undefined],
    ],
    keys: ['f:1&2', 'f:1&2', 'f:1&2'],
    runs: [0],
  },
  {
    name: 'all are skipped: one entry for all calls, that of a call without arguments',
    options: { skip: [0, 1] },
    calls: [[1, 2], [3, 4], []],
    keys: ['f:', 'f:', 'f:'],
    runs: [0],
  },
  {
    // In Rust such a type has no key trait; here it has no canonical form.
    name: 'what is skipped may be of a kind that no key can be made of',
    options: { skip: [0, 1] },
    calls: [
      [logger, url, 1],
      [{ log: () => 1 }, url, 1],
    ],
    keys: ['f:1', 'f:1'],
    runs: [0],
  },
  {
    name: 'no position is skipped that is not named',
    options: { skip: [] },
    calls: [[1, 2], [1], [1, 3]],
    keys: ['f:1&2', 'f:1', 'f:1&3'],
    runs: [0, 1, 2],
  },
]

const TOLD_APART: readonly Row[] = [
  {
    name: 'no arguments: one entry, and the key is the name and nothing more',
    calls: [[], []],
    keys: ['f:', 'f:'],
    runs: [0],
  },
  {
    name: 'the same arguments',
    calls: [
      [1, 'a'],
      [1, 'a'],
    ],
    keys: ['f:1&a', 'f:1&a'],
    runs: [0],
  },
  {
    name: 'the same arguments in another order',
    calls: [
      [1, 2],
      [2, 1],
    ],
    keys: ['f:1&2', 'f:2&1'],
    runs: [0, 1],
  },
  {
    // The like of one generic function with several types.
    name: 'values that read the same, of different kinds',
    calls: [[1], ['1'], [1n], [true], ['true'], [null], ['null']],
    keys: ['f:1', "f:'1", 'f:1n', 'f:true', "f:'true", 'f:null', "f:'null"],
    runs: [0, 1, 2, 3, 4, 5, 6],
  },
  {
    name: 'an argument that is missing, and one that is undefined',
    calls: [[1], [1, undefined], []],
    keys: ['f:1', 'f:1&undefined', 'f:'],
    runs: [0, 1, 2],
  },
  {
    name: 'arguments that contain what separates them',
    calls: [['a&b'], ['a', 'b'], ['a:b'], ['f:a'], ['']],
    keys: ['f:a%26b', 'f:a&b', 'f:a%3Ab', 'f:f%3Aa', "f:'"],
    runs: [0, 1, 2, 3, 4],
  },
  {
    // Rust names the parts after the fields; here the whole object is one part, the same however it was made.
    name: 'objects, by what is in them',
    calls: [[{ id: 1, lang: 'de' }], [{ lang: 'de', id: 1 }], [{ id: 1 }], [{ id: '1' }]],
    keys: [
      'f:%7B%22id%22%3A1,%22lang%22%3A%22de%22%7D=',
      'f:%7B%22id%22%3A1,%22lang%22%3A%22de%22%7D=',
      'f:%7B%22id%22%3A1%7D=',
      'f:%7B%22id%22%3A%221%22%7D=',
    ],
    runs: [0, 2, 3],
  },
  {
    name: 'a key that is asked for, of one part or several',
    options: { key: (user) => (user as { id: number }).id },
    calls: [[{ id: 1, name: 'a' }], [{ id: 1, name: 'b' }], [{ id: 2, name: 'a' }]],
    keys: ['f:1', 'f:1', 'f:2'],
    runs: [0, 2],
  },
  {
    name: 'a key of several parts, and of none',
    options: { key: (...args) => args.slice(1) as (string | number)[] },
    calls: [[0, 1, 'a'], [9, 1, 'a'], [9]],
    keys: ['f:1&a', 'f:1&a', 'f:'],
    runs: [0, 2],
  },
]

async function play({ options, calls, keys, runs }: Row): Promise<void> {
  const { cache } = open()
  const ran: number[] = []
  let call = 0
  const f = cache.fn<Args, unknown>('f', () => ran.push(call), options)
  const first = new Map<string, unknown>()
  for (call = 0; call < calls.length; call += 1) {
    const args = calls[call] as Args
    const key = f.keyOf(...args)
    const value = await f(...args)
    if (!first.has(key)) first.set(key, value)
    // Whoever shares a key shares the value, and it is found by the key alone.
    expect(value).toBe(first.get(key))
    expect(cache.peek(key)).toBe(value)
    expect(f.peek(...args)).toBe(value)
  }
  expect({ keys: calls.map((args) => f.keyOf(...args)), runs: ran }).toEqual({ keys, runs })
  expect(cache.stats()).toMatchObject({
    calls: calls.length,
    misses: runs.length,
    hits: calls.length - runs.length,
    stores: runs.length,
  })
  // And it can be taken away by any of the calls that share it.
  for (const args of calls) await f.delete(...args)
  for (const key of keys) expect(await cache.has(key)).toBe(false)
}

describe.each([
  ['parameters to skip', SKIPPED],
  ['calls that are told apart', TOLD_APART],
])('%s', (_, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))('%s', (_, row) => play(row))
})

describe('cached functions', () => {
  it('of different names do not share entries, whatever their arguments', async () => {
    const { cache } = open()
    const a = cache.fn('a', (id: unknown) => `a ${String(id)}`)
    const b = cache.fn('b', (id: unknown) => `b ${String(id)}`)
    // A name may look like the key of another function.
    const ab = cache.fn('a:b', () => 'a:b')
    expect([await a(1), await b(1), await a('b'), await ab()]).toEqual(['a 1', 'b 1', 'a b', 'a:b'])
    expect([await a(1), await b(1), await a('b'), await ab()]).toEqual(['a 1', 'b 1', 'a b', 'a:b'])
    expect([a.keyOf('b'), ab.keyOf()]).toEqual(['a:b', 'a%3Ab:'])
  })

  it('share entries with the tuple of their name and arguments, both ways', async () => {
    const { cache } = open()
    const f = cache.fn('user', (id: number, lang: string) => `${id} ${lang}`)
    await f(1, 'de')
    expect(f.keyOf(1, 'de')).toBe(keyText(['user', 1, 'de']))
    expect(await cache.get(['user', 1, 'de'])).toBe('1 de')
    await cache.set(['user', 2, 'de'], 'set by hand')
    expect(await f(2, 'de')).toBe('set by hand')
  })

  it('run past the cache when asked so, and keep nothing of that', async () => {
    const { cache } = open()
    let runs = 0
    const f = cache.fn('f', (id: number) => {
      runs += 1
      return id
    })
    expect([f.uncached(1), f.uncached(1)]).toEqual([1, 1])
    expect(runs).toBe(2)
    expect(f.peek(1)).toBeUndefined()
    expect(cache.stats().calls).toBe(0)
  })

  it('answer with the context of the call, as getOrLoad does', async () => {
    const { cache } = open()
    const f = cache.fn('f', (id: number) => id * 2)
    const { value, context } = await f.withContext(21)
    expect({ value, ...context }).toMatchObject({
      value: 42,
      forward: 'miss',
      trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'store', 'answer'],
    })
    expect((await f.withContext(21)).context).toMatchObject({
      status: 'hit',
      trace: ['check', 'poll', 'fresh', 'answer'],
    })
  })

  it('keep no failure, and share it among those who wait', async () => {
    const { cache } = open()
    let runs = 0
    const f = cache.fn<[number], string>('f', async () => {
      runs += 1
      if (runs === 1) throw new Error('no')
      return 'yes'
    })
    const outcomes = await Promise.allSettled([f(1), f(1)])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(runs).toBe(1)
    expect(await f(1)).toBe('yes')
  })

  it('keep no failure that is thrown at once either', async () => {
    const { cache } = open()
    let runs = 0
    const f = cache.fn<[number], string>('f', () => {
      runs += 1
      if (runs === 1) throw new Error('no')
      return 'yes'
    })
    await expect(f(1)).rejects.toThrow('no')
    expect(await f(1)).toBe('yes')
  })

  it('give on a hit what they gave on a miss: nothing of a result is left out', async () => {
    // In Rust fields of a result can be skipped; they come back as defaults on a hit.
    const clock = manualClock()
    const { cache } = open({
      clock,
      tiers: [memoryBackend({ maxEntries: 10, values: 'encoded', valueFormat: cbor, clock })],
    })
    const made = { id: 1, at: new Date(0), none: undefined, tags: new Set(['a']) }
    let runs = 0
    const f = cache.fn<[number], typeof made>('f', () => {
      runs += 1
      return made
    })
    const miss = await f(1)
    const hit = await f(1)
    expect(runs).toBe(1)
    expect(miss).toBe(made)
    expect(hit).not.toBe(made)
    expect(hit).toStrictEqual(made)
    expect(Object.keys(hit)).toEqual(['id', 'at', 'none', 'tags'])
  })

  it('run once for calls at the same moment that share a key, by what is not skipped', async () => {
    const { cache } = open()
    let runs = 0
    const f = cache.fn(
      'f',
      async (_signal: string, id: number) => {
        runs += 1
        await turn()
        return id
      },
      { skip: [0] },
    )
    expect(await Promise.all([f('a', 1), f('b', 1), f('c', 2)])).toEqual([1, 1, 2])
    expect(runs).toBe(2)
  })
})
