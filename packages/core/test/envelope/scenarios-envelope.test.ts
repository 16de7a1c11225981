import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { type EnvelopeFacts, openEnvelope, sealEnvelope } from '../../src/index.ts'

/*
 * The scenarios of the value envelope of Hitbox for Rust, as far as envelope.test.ts has not got them. There two flags say whether
 * moments are present, and moments are seconds and nanoseconds of the wall clock; here lengths of time in whole ms, where all ones is "none".
 */

const KEY = 'user:1'
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Every byte as the table in layout.ts has it, written by hand: what is stored today must be read tomorrow. */
const BY_HAND = [
  'b748', // magic
  '01', // version
  '00', // flags
  '06000000', // key length
  '05000000', // raw length
  '03000000', // payload length
  '60ea00000000', // lives for 60,000 ms
  'dc0500000000', // fresh for 1,500 ms
  '7ba03dc4a001', // written at 1,789,998,768,251
  '460000000000', // 70 ms old
  '409c00000000', // usable for 40,000 ms
  '0d000000', // made in 12 ms, plus one
  '0e00', // length of the tags
  '04', // length of the format's id
  '04', // length of the compressor's id
  '63626f72', // cbor
  '677a6970', // gzip
  '7b226f72673a37223a227631227d', // {"org:7":"v1"}
  '757365723a31', // user:1
  '00ff7f', // payload
].join('')

const facts: EnvelopeFacts = {
  key: KEY,
  formatId: 'cbor',
  compressorId: 'gzip',
  rawLength: 5,
  ttlMs: 60_000,
  freshMs: 1_500,
  writtenAt: 1_789_998_768_251,
  ageMs: 70,
  usableMs: 40_000,
  loadMs: 12,
  tags: { 'org:7': 'v1' },
}

function handMade(): Uint8Array {
  const body = Buffer.from(BY_HAND, 'hex')
  const trailer = Buffer.alloc(4)
  trailer.writeUInt32LE(crc32(body))
  // The tail is the store's: nobody vouches for it, and nobody makes it anew.
  return Uint8Array.from([...body, ...trailer, ...Buffer.alloc(31)])
}

describe('the bytes of an envelope', () => {
  it('are those of the table, made by hand', () => {
    expect(hex(sealEnvelope(facts, Uint8Array.of(0, 255, 127)))).toBe(hex(handMade()))
  })

  it('made by hand are read as they are meant', () => {
    const { key: _, ...told } = facts
    const id = crc32(Buffer.from(BY_HAND, 'hex'))
    const read = { ...told, payload: Uint8Array.of(0, 255, 127), id, markedStale: false }
    expect(openEnvelope(handMade(), KEY)).toEqual(read)
  })

  it('are a header of 54, two ids, the key, the payload, a checksum of 4 and a tail of 31', () => {
    const least = { ...facts, formatId: 'f', compressorId: 'c', key: 'k', tags: undefined }
    expect(sealEnvelope(least, new Uint8Array())).toHaveLength(54 + 1 + 1 + 1 + 4 + 31)
  })
})

/** Each of the facts that may be missing: how it is given, and what is read then. */
const OPTIONAL = [
  ['writtenAt', 5, Infinity],
  ['ageMs', 5, Infinity],
  ['usableMs', 5, Infinity],
  ['loadMs', 5, undefined],
  ['tags', { a: '1' }, undefined],
] as const

describe('an envelope', () => {
  it('keeps each combination of facts that are there and that are missing', () => {
    const combinations = 2 ** OPTIONAL.length
    for (let bits = 0; bits < combinations; bits += 1) {
      const given = OPTIONAL.map(([name, value], place) => [
        name,
        bits & (1 << place) ? value : undefined,
      ])
      const read = OPTIONAL.map(([name, value, missing], place) => [
        name,
        bits & (1 << place) ? value : missing,
      ])
      const bytes = sealEnvelope({ ...facts, ...Object.fromEntries(given) }, Uint8Array.of(1))
      expect(openEnvelope(bytes, KEY)).toMatchObject(Object.fromEntries(read))
    }
  })

  it.each([
    ['nothing left', 0, 0],
    ['one millisecond', 1, 1],
    ['a part of a millisecond, rounded down', 1.999, 1],
    ['a moment of the wall clock', 1_790_000_000_123, 1_790_000_000_123],
    ['more than 32 bits', 2 ** 32 + 1, 2 ** 32 + 1],
    ['the most there can be', 2 ** 48 - 2, 2 ** 48 - 2],
    ['more than that, so no end', 2 ** 48 - 1, Infinity],
    ['no end', Infinity, Infinity],
  ])('keeps lengths of time: %s', (_, given, read) => {
    const times = { ttlMs: given, freshMs: given, writtenAt: given, ageMs: given, usableMs: given }
    const opened = openEnvelope(sealEnvelope({ ...facts, ...times }, Uint8Array.of(1)), KEY)
    const all = { ttlMs: read, freshMs: read, writtenAt: read, ageMs: read, usableMs: read }
    expect(opened).toMatchObject(all)
  })

  it.each([
    ['every byte there is', Uint8Array.from({ length: 256 }, (_, byte) => byte)],
    ['a megabyte', Uint8Array.from({ length: 2 ** 20 }, (_, index) => (index * 31) >>> 3)],
    ['another envelope', sealEnvelope(facts, Uint8Array.of(1, 2, 3))],
  ])('carries as its payload, unchanged: %s', (_, payload) => {
    const bytes = sealEnvelope({ ...facts, rawLength: payload.length }, payload)
    const opened = openEnvelope(bytes, KEY)
    if (typeof opened === 'string') expect.unreachable(opened)
    expect(Buffer.compare(opened.payload, payload)).toBe(0)
    // A view: nothing is copied.
    expect(opened.payload.buffer).toBe(bytes.buffer)
  })
})
