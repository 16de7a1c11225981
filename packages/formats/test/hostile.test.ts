import { serialize } from 'node:v8'
import { CacheError, type Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { Encoder, Tag } from 'cbor-x'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'

const FORMATS: readonly Format[] = [cbor, msgpack, json, v8]

const SEEDS: readonly unknown[] = [
  [1, 2, 3].map((id) => ({ id, name: `user ${id}`, tags: ['a', 'b'], score: id / 3 })),
  { text: 'x'.repeat(300), nothing: null, deep: [[[[{ a: true }]]]] },
  {
    map: new Map([[1, new Set(['a'])]]),
    error: new TypeError('x'),
    bytes: new Uint16Array([1, 2]),
  },
  {
    big: 2n ** 90n,
    zero: -0,
    when: new Date(5),
    holes: Object.assign([1], { length: 3 }),
    re: /a/g,
  },
]

function refusal(format: Format, bytes: Uint8Array): unknown {
  try {
    format.decode(bytes)
  } catch (error) {
    return error
  }
  return undefined
}

function expectRefused(format: Format, bytes: Uint8Array): void {
  expect(CacheError.is(refusal(format, bytes), 'DECODE_FAILED')).toBe(true)
}

const bytes = (hex: string, ...more: Uint8Array[]): Uint8Array =>
  Buffer.concat([Buffer.from(hex, 'hex'), ...more])

describe.each(FORMATS)('hostile bytes in $id', (format) => {
  const seeds = SEEDS.flatMap((value) => {
    try {
      return [format.encode(value)]
    } catch {
      return [] // json keeps fewer of them
    }
  })

  it('decodes or refuses every mutation, quickly, and leaves prototypes alone', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        (seed, edits) => {
          const mutated = seed.slice()
          for (const [at, byte] of edits) mutated[at % seed.length] = byte
          const started = process.hrtime.bigint()
          const error = refusal(format, mutated)
          expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(1_000)
          expect(error === undefined || CacheError.is(error, 'DECODE_FAILED')).toBe(true)
          expect(Object.keys(Object.prototype)).toEqual([])
        },
      ),
      { numRuns: 10_000 },
    )
  })

  it('refuses every truncation', () => {
    for (const seed of seeds) {
      for (let length = 0; length < seed.length; length += 1) {
        expectRefused(format, seed.subarray(0, length))
      }
    }
  })
})

describe.each([cbor, msgpack, json])('bytes that go on in $id', (format) => {
  it('are refused', () => {
    const seed = format.encode({ a: [1, 'x'] })
    expectRefused(format, Buffer.concat([seed, Buffer.from([1])]))
    expectRefused(format, Buffer.concat([seed, seed]))
  })
})

describe('cbor', () => {
  it('refuses lengths that the bytes do not have, before it makes room for them', () => {
    const before = process.memoryUsage().rss
    for (const hex of [
      '9affffffff',
      'baffffffff',
      '7affffffff',
      '5affffffff',
      '9bffffffffffffffff',
    ]) {
      expectRefused(cbor, bytes(hex))
      expectRefused(cbor, bytes(hex, new Uint8Array(100)))
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6)
  })

  it('refuses depth, instead of reaching the end of the stack', () => {
    for (const byte of [0x81, 0xa1, 0xc1, 0x9f, 0xd9]) {
      expectRefused(cbor, new Uint8Array(1_000_000).fill(byte))
    }
  })

  it('refuses numbers that take hours to read', () => {
    expectRefused(cbor, bytes('c25a000f4240', new Uint8Array(1_000_000).fill(255)))
  })

  it('refuses tags that it does not write', () => {
    const encoder = new Encoder({ structuredClone: true })
    const shared = { a: 1 }
    expectRefused(cbor, encoder.encode([shared, shared]))
    expectRefused(cbor, encoder.encode(new Error('x')))
    expectRefused(cbor, encoder.encode(new Tag([1, 2], 4)))
    expectRefused(cbor, encoder.encode(new Tag(['constructor', 'x'], 27)))
    expectRefused(cbor, new Encoder({ pack: true }).encode(['same text', 'same text', 'same text']))
    expectRefused(cbor, bytes('d9e00181', bytes('01'))) // a record whose shape was never told
  })

  it('never makes a prototype of what is stored', () => {
    // As a plain map, a record, and a record that is read often enough to be compiled.
    const record = 'd9dfff8319e00081695f5f70726f746f5f5fa1616101'
    const again = 'd9e00081a1616101'.repeat(4)
    for (const hex of ['a1695f5f70726f746f5f5fa1616101', record, `85${record}${again}`]) {
      const error = refusal(cbor, bytes(hex))
      if (error !== undefined) continue
      const decoded = [cbor.decode(bytes(hex))].flat(1)
      for (const item of decoded) {
        expect((item as { a?: unknown }).a).toBeUndefined()
      }
    }
  })
})

describe('msgpack', () => {
  it('refuses lengths and depth', () => {
    for (const hex of ['ddffffffff', 'dfffffffff', 'dbffffffff', 'c6ffffffff', 'c9ffffffff42']) {
      expectRefused(msgpack, bytes(hex))
    }
    for (const byte of [0x91, 0x81]) expectRefused(msgpack, new Uint8Array(1_000_000).fill(byte))
  })

  it('refuses extensions that it does not write', () => {
    const packr = new Packr({ moreTypes: true, structuredClone: true })
    const shared = { a: 1 }
    for (const value of [
      new Set([1]),
      /a/,
      new Float32Array(2),
      [shared, shared],
      new Error('x'),
    ]) {
      expectRefused(msgpack, packr.pack(value))
    }
    expectRefused(msgpack, new Packr({ useRecords: true }).pack({ a: 1 }))
  })
})

describe('graphs', () => {
  it.each([
    ['no list', 5],
    ['a reference to nothing', [[7], [], []]],
    ['a negative reference', [[-1], [], []]],
    ['an unknown special', [[9, 1], [], []]],
    ['an unknown kind', [[0], [], [[99]]]],
    ['a shape that is missing', [[0], [], [[0, 3, 1]]]],
    ['a shape of another length', [[0], [['a']], [[0, 0, 1, 2]]]],
    ['a class of errors that is none', [[0], [], [[8, 'constructor']]]],
    ['a class of binary data that is none', [[0], [], [[10, 'Object', Buffer.alloc(1)]]]],
    ['bytes that do not fit their class', [[0], [], [[10, 'Float64Array', Buffer.alloc(3)]]]],
    ['an array of no length', [[0], [], [[3, -1]]]],
    ['an expression that is none', [[0], [], [[7, '(', '', 0]]]],
    ['a URL that is none', [[0], [], [[11, 'no url']]]],
    ['an object in a slot', [{}, [], []]],
  ])('are refused with %s', (_, graph) => {
    expectRefused(cbor, bytes('d96862', new Encoder().encode(graph)))
    expectRefused(v8, bytes('67', serialize(graph)))
    const packed = new Packr({ useRecords: false }).pack(graph)
    const head = bytes('c90000000068')
    new DataView(head.buffer, head.byteOffset).setUint32(1, packed.length)
    expectRefused(msgpack, Buffer.concat([head, packed]))
  })
})
