import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CacheError,
  cacheKey,
  type KeyAtom,
  type KeyPart,
  keyText,
  parseKeyText,
} from '../../src/index.ts'

/** Strings that keys go wrong on: separators, escapes, look-alikes, halves of characters. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({
    unit: fc.constantFrom(
      ':',
      '=',
      '&',
      '%',
      '~',
      "'",
      'v',
      '2',
      'e',
      '\ud800',
      '\udc00',
      '{',
      'é',
      '',
      'n',
    ),
    maxLength: 5,
  }),
  fc.constantFrom(
    '',
    'v2',
    'v',
    '42',
    '42n',
    'null',
    'undefined',
    'true',
    '%e',
    '%41',
    '%uD800',
    '\ud800',
    'NaN',
    '-0',
  ),
)
const part: fc.Arbitrary<KeyPart> = fc.tuple(nasty, fc.option(nasty, { nil: null }))
const structured = fc
  .record({
    prefix: nasty,
    version: fc.constantFrom(0, 1, 2, 42, Number.MAX_SAFE_INTEGER),
    parts: fc.array(part, { maxLength: 3 }),
  })
  .filter(({ prefix, version, parts }) => prefix !== '' || version !== 0 || parts.length > 0)
const atom: fc.Arbitrary<KeyAtom> = fc.oneof(
  nasty,
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -100n, max: 100n }),
  fc.constantFrom(null, undefined, true, false, 0, 1, Number.POSITIVE_INFINITY),
)

describe('cacheKey', () => {
  it('writes prefix, version and parts', () => {
    const parts: KeyPart[] = [
      ['id', '42'],
      ['lang', 'de'],
    ]
    expect(cacheKey({ prefix: 'user', version: 2, parts }).text).toBe('user:v2:id=42&lang=de')
    expect(cacheKey({ version: 2, parts: [['id', '42']] }).text).toBe('v2:id=42')
    expect(cacheKey({ prefix: 'user' }).text).toBe('user:')
    expect(cacheKey({ parts: [['flag', null]] }).text).toBe('flag')
  })

  it('tells null from an empty value', () => {
    expect(cacheKey({ parts: [['a', null]] }).text).not.toBe(cacheKey({ parts: [['a', '']] }).text)
  })

  it('does not let a prefix pass for a version', () => {
    expect(cacheKey({ prefix: 'v2' }).text).not.toBe(cacheKey({ version: 2 }).text)
  })

  it('never holds a brace, so user data cannot choose a hash slot', () => {
    expect(cacheKey({ prefix: '{a}', parts: [['{b}', '{c}']] }).text).not.toMatch(/[{}]/)
  })

  it('gives different keys different texts', () => {
    fc.assert(
      fc.property(structured, structured, (a, b) => {
        const same = JSON.stringify(a) === JSON.stringify(b)
        expect(cacheKey(a).text === cacheKey(b).text).toBe(same)
      }),
      { numRuns: 20_000 },
    )
  })

  it('is read back from its text', () => {
    fc.assert(
      fc.property(structured, (key) => {
        const made = cacheKey(key)
        expect(parseKeyText(made.text)).toEqual(made)
      }),
      { numRuns: 10_000 },
    )
  })

  it('refuses what has no canonical text', () => {
    expect(() => cacheKey({})).toThrow('it is empty')
    expect(() => cacheKey({ version: 1.5 })).toThrow(
      '"version" must be a whole number of 0 or more, got 1.5',
    )
    expect(() => cacheKey({ parts: [['a', 1 as unknown as string]] })).toThrow('a part is not')
    expect(() => cacheKey({ prefix: 7 as unknown as string })).toThrow('its prefix is not a string')
  })

  it('cannot be changed after it was made', () => {
    const parts: [string, string][] = [['id', '1']]
    const key = cacheKey({ prefix: 'user', parts })
    parts[0]![1] = '2'
    expect(key.text).toBe('user:id=1')
    expect(
      Object.isFrozen(key) && Object.isFrozen(key.parts) && Object.isFrozen(key.parts[0]),
    ).toBe(true)
  })
})

describe('keyText', () => {
  it('takes a string as it is, and a key by its text', () => {
    expect(keyText('any thing {at} all')).toBe('any thing {at} all')
    expect(keyText(cacheKey({ prefix: 'user' }))).toBe('user:')
  })

  it('reads a tuple as a prefix and parts that tell kinds apart', () => {
    expect(keyText(['user', 42])).toBe('user:42')
    expect(keyText(['user', '42'])).toBe("user:'42")
    expect(keyText(['user', 'a:b', null, true, 7n])).toBe('user:a%3Ab&null&true&7n')
  })

  it('gives different tuples different texts', () => {
    const tuple = fc.tuple(
      nasty.filter((prefix) => prefix !== ''),
      fc.array(atom, { maxLength: 3 }),
    )
    const same = (a: unknown, b: unknown): boolean => Object.is(a, b) || (a === 0 && b === 0)
    fc.assert(
      fc.property(tuple, tuple, ([p, a], [q, b]) => {
        const equal = p === q && a.length === b.length && a.every((x, index) => same(x, b[index]))
        expect(keyText([p, ...a]) === keyText([q, ...b])).toBe(equal)
      }),
      { numRuns: 20_000 },
    )
  })

  it.each([
    [''],
    [[]],
    [['']],
    [[42]],
    [['a', {}]],
    [['a', Symbol('b')]],
    [{}],
    [null],
    [undefined],
    [42],
  ])('refuses %j', (key) => {
    try {
      keyText(key as never)
      expect.unreachable()
    } catch (error) {
      expect(CacheError.is(error, 'INVALID_KEY')).toBe(true)
    }
  })
})

describe('parseKeyText', () => {
  it.each(['', 'a b', '%zz', 'user:v2:v3:x', 'v02:a', 'a%3a', 'ä', 'v99999999999999999:a'])(
    'does not take %j for a canonical text',
    (text) => {
      expect(parseKeyText(text)).toBeUndefined()
    },
  )
})
