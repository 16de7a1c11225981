import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  cacheKey,
  compact,
  hashed,
  type KeyPart,
  type StoreKey,
  urlEncoded,
} from '../../src/index.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom('~', '%', 'e', '7', 'B', '{', 'a', ':', '\ud800', '%uD800', '%7E'),
    minLength: 1,
    maxLength: 6,
  }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' })).map(
    ([prefix, value]) =>
      cacheKey({
        prefix,
        version: 3,
        parts: [
          ['n', value],
          ['m', null],
        ],
      }).text,
  ),
)
const id = (key: StoreKey): string => (typeof key === 'string' ? key : `bytes ${key.join()}`)

describe.each([
  ['urlEncoded', urlEncoded],
  ['compact', compact],
  ['hashed(urlEncoded)', hashed(urlEncoded, { maxBytes: 64 })],
  ['hashed(compact)', hashed(compact, { maxBytes: 64 })],
] as const)('%s', (_, format) => {
  it('gives different texts different store keys', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(id(format.encode(a)) === id(format.encode(b))).toBe(a === b)
      }),
      { numRuns: 10_000 },
    )
  })

  it('reads back what it wrote, unless that is a hash', () => {
    fc.assert(
      fc.property(text, (a) => {
        const key = format.encode(a)
        const back = (format.decode as (key: StoreKey) => string | undefined)(key)
        if (back === undefined) expect(key.length).toBeGreaterThan(32)
        else expect(back).toBe(a)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('urlEncoded', () => {
  it('leaves canonical texts and plain words readable', () => {
    expect(urlEncoded.encode('user:v2:id=42&lang=de')).toBe('user:v2:id=42&lang=de')
    expect(urlEncoded.encode('session:0c5f-11')).toBe('session:0c5f-11')
    expect(urlEncoded.encode('user:Zoë {1}')).toBe('~user:Zo%C3%AB%20%7B1%7D')
  })

  it('writes only characters that are safe to type and cannot choose a hash slot', () => {
    fc.assert(
      fc.property(text, (a) => {
        expect(urlEncoded.encode(a)).toMatch(/^[A-Za-z0-9\-_./@'+,;!$():=&%~]+$/)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('compact', () => {
  it('is smaller where a text has to escape', () => {
    const parts: KeyPart[] = [
      ['stadt', 'Köln'],
      ['straße', 'Große Gasse'],
    ]
    const { text: escaped } = cacheKey({ prefix: 'adresse', version: 1, parts })
    expect(compact.encode(escaped).length).toBeLessThan(urlEncoded.encode(escaped).length * 0.8)
  })

  it('does not read foreign bytes as a key', () => {
    expect(compact.decode(new Uint8Array())).toBeUndefined()
    expect(compact.decode(Uint8Array.of(9, 1, 2))).toBeUndefined()
    expect(compact.decode(Uint8Array.of(0, 5, 65))).toBeUndefined()
    expect(compact.decode(Uint8Array.of(1, 0xff))).toBeUndefined()
  })
})

describe('hashed', () => {
  it('hashes what is longer than the limit, and only that', () => {
    const format = hashed(urlEncoded)
    expect(format.encode('k'.repeat(1_024))).toHaveLength(1_024)
    expect(format.encode('k'.repeat(1_025))).toMatch(/^~~[\w-]{43}$/)
    expect(format.decode(format.encode('k'.repeat(1_025)))).toBeUndefined()
    expect(hashed(compact).encode('k'.repeat(5_000))).toHaveLength(33)
  })

  it('refuses a limit below the length of a hash', () => {
    expect(() => hashed(urlEncoded, { maxBytes: 10 })).toThrow(
      '"maxBytes" must be a whole number of 64 or more, got 10',
    )
  })
})
