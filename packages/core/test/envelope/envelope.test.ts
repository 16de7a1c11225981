import { describe, expect, it } from 'vitest'
import { crc32 } from 'node:zlib'
import {
  envelopeId,
  type EnvelopeFacts,
  hasEpoch,
  hasLease,
  openEnvelope,
  putEpoch,
  sealEnvelope,
  tellsAge,
} from '../../src/index.ts'

const payload = Uint8Array.from({ length: 64 }, (_, index) => index * 37)
const facts: EnvelopeFacts = {
  key: 'user:v2:id=42',
  formatId: 'cbor',
  compressorId: 'gzip',
  rawLength: 200,
  ttlMs: 60_000,
  freshMs: 1_500,
  writtenAt: 1_790_000_000_123,
  ageMs: 70,
  usableMs: 40_000,
  loadMs: 12,
  tags: { 'org:7': 'v1' },
}

describe('the envelope', () => {
  it('gives back what was put in', () => {
    const bytes = sealEnvelope(facts, payload)
    expect(openEnvelope(bytes, facts.key)).toEqual({
      id: envelopeId(bytes),
      markedStale: false,
      formatId: 'cbor',
      compressorId: 'gzip',
      rawLength: 200,
      ttlMs: 60_000,
      freshMs: 1_500,
      writtenAt: 1_790_000_000_123,
      ageMs: 70,
      usableMs: 40_000,
      loadMs: 12,
      tags: { 'org:7': 'v1' },
      payload,
    })
  })

  it('keeps "no end", "not known" and zero apart', () => {
    const bytes = sealEnvelope(
      { ...facts, ttlMs: Infinity, freshMs: Infinity, writtenAt: undefined, loadMs: undefined },
      payload,
    )
    expect(tellsAge(bytes)).toBe(false)
    expect(openEnvelope(bytes, facts.key)).toMatchObject({
      ttlMs: Infinity,
      freshMs: Infinity,
      writtenAt: Infinity,
      loadMs: undefined,
    })
    const zero = sealEnvelope({ ...facts, freshMs: 0, loadMs: 0 }, payload)
    expect(tellsAge(zero)).toBe(true)
    expect(openEnvelope(zero, facts.key)).toMatchObject({ freshMs: 0, loadMs: 0 })
  })

  it.each(['k', 'schlüssel', '鍵', '\u{1f511}', 'a\u0000b', 'x'.repeat(10_000)])(
    'carries the key %s',
    (key) => {
      const bytes = sealEnvelope({ ...facts, key }, payload)
      expect(typeof openEnvelope(bytes, key)).toBe('object')
      expect(openEnvelope(bytes, `${key}x`)).toBe('wrong-key')
      expect(openEnvelope(bytes, `x${key.slice(1)}y`)).toBe('wrong-key')
    },
  )

  it('takes an empty payload', () => {
    expect(
      openEnvelope(sealEnvelope({ ...facts, rawLength: 0 }, new Uint8Array()), facts.key),
    ).toMatchObject({
      payload: new Uint8Array(),
    })
  })

  it('opens bytes that lie inside a larger buffer', () => {
    const bytes = sealEnvelope(facts, payload)
    const larger = new Uint8Array(bytes.length + 20)
    larger.set(bytes, 7)
    expect(openEnvelope(larger.subarray(7, 7 + bytes.length), facts.key)).toMatchObject({ payload })
  })

  it.each([
    ['nothing', new Uint8Array(), 'foreign'],
    ['text', new TextEncoder().encode('{"a":1}'), 'foreign'],
    ['a magic and no more', Uint8Array.of(0xb7, 0x48, 1), 'truncated'],
    ['an earlier version', Uint8Array.of(0xb7, 0x48, 0, 1, 2, 3), 'older-version'],
    ['a later version', Uint8Array.of(0xb7, 0x48, 2, 1, 2, 3), 'newer-version'],
  ])('names %s', (_, bytes, reason) => {
    expect(openEnvelope(bytes, 'k')).toBe(reason)
  })

  it('names flags it does not know, once the checksum holds', () => {
    const bytes = sealEnvelope(facts, payload)
    bytes[3] = 4
    const end = bytes.length - 31 - 4
    new DataView(bytes.buffer).setUint32(end, crc32(bytes.subarray(0, end)), true)
    expect(openEnvelope(bytes, facts.key)).toBe('newer-version')
  })

  it('names a lease, which is a head and a tail', () => {
    const lease = Uint8Array.from([0xb7, 0x48, 1, 2, ...new Uint8Array(31)])
    expect(openEnvelope(lease, facts.key)).toBe('leased')
    expect(openEnvelope(Uint8Array.of(...lease, 0), facts.key)).toBe('truncated')
    expect(envelopeId(lease)).toBeUndefined()
  })

  it('has a tail that the store may change: who vouches for it, a lease, a mark', () => {
    const bytes = sealEnvelope(facts, payload)
    const epoch = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const id = envelopeId(bytes)
    expect(hasEpoch(bytes, epoch)).toBe(false)
    expect(hasLease(bytes)).toBe(false)
    putEpoch(bytes, epoch)
    bytes[bytes.length - 31 + 9] = 1
    bytes[bytes.length - 1] = 1
    expect(hasEpoch(bytes, epoch)).toBe(true)
    expect(hasEpoch(bytes, epoch.toReversed())).toBe(false)
    expect(hasLease(bytes)).toBe(true)
    expect(openEnvelope(bytes, facts.key)).toMatchObject({ payload, id, markedStale: true })
    expect(envelopeId(bytes)).toBe(id)
  })

  it('is vouched for by anybody where it is none of ours: that is for others to judge', () => {
    const epoch = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    expect(hasEpoch(new TextEncoder().encode('{"a":1}'), epoch)).toBe(true)
    expect(envelopeId(new TextEncoder().encode('{"a":1}'.repeat(20)))).toBeUndefined()
  })

  it('notices bytes missing and bytes added', () => {
    const bytes = sealEnvelope(facts, payload)
    for (let length = 3; length < bytes.length; length += 1) {
      expect(openEnvelope(bytes.slice(0, length), facts.key)).toBe('truncated')
    }
    expect(openEnvelope(Uint8Array.of(...bytes, 0), facts.key)).toBe('truncated')
  })
})
