import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { CacheError, type Compressor, identityCompressor } from '@hitbox/core'
import { casesFor, compressorContract, type CompressorSubject } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

const deflate: Compressor = {
  id: 'deflate',
  compress: (bytes) => deflateRawSync(bytes, { level: 1 }),
  decompress(bytes, maxBytes) {
    try {
      return inflateRawSync(bytes, { maxOutputLength: maxBytes })
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw cause
      const details = { bytes: maxBytes + 1, maxBytes }
      throw new CacheError('TOO_LARGE', 'a bomb', { details, cause })
    }
  },
}

const whole: CompressorSubject = {
  compressor: deflate,
  capabilities: { shrinks: true, bounded: true, noticesCuts: true },
}

const late: CompressorSubject = {
  ...whole,
  compressor: {
    id: 'late',
    compress: async (bytes) => (bytes.length < 100 ? undefined : deflate.compress(bytes)),
    decompress: async (bytes, maxBytes) => deflate.decompress(bytes, maxBytes),
  },
}

const none: CompressorSubject = {
  compressor: identityCompressor,
  capabilities: {
    shrinks: 'it leaves bytes as they are',
    bounded: 'what comes out is what went in',
    noticesCuts: 'it looks at nothing',
  },
}

describe('compressorContract', () => {
  describe.each([
    ['deflate', whole],
    ['a compressor that is late and leaves small values alone', late],
    ['none', none],
  ])('on %s', (_, subject) => {
    for (const promise of casesFor(compressorContract, subject)) {
      it(`${promise.id} ${promise.title}`, () => promise.run(subject))
    }
  })

  const shared = new Uint8Array(32 * 1_048_576)
  const defects: Record<string, readonly [compressor: Partial<Compressor>, caught: string]> = {
    'an id with capitals': [{ id: 'Deflate' }, 'L01'],
    'the last byte is lost': [
      { compress: (bytes) => deflateRawSync(bytes.subarray(0, Math.max(0, bytes.length - 1))) },
      'L02',
    ],
    'bytes become twice as many': [
      {
        compress: (bytes) => Buffer.concat([bytes, bytes, new Uint8Array(2_000)]),
        decompress: (bytes) => bytes.subarray(0, (bytes.length - 2_000) / 2),
      },
      'L03',
    ],
    'nothing becomes smaller': [identityCompressor, 'L04'],
    'a bomb goes off': [{ decompress: (bytes) => inflateRawSync(bytes) }, 'L05'],
    'a bomb is told as any failure': [
      { decompress: (bytes, maxOutputLength) => inflateRawSync(bytes, { maxOutputLength }) },
      'L05',
    ],
    'the limit itself is too much': [
      { decompress: (bytes, maxBytes) => deflate.decompress(bytes, maxBytes - 1) },
      'L06',
    ],
    'half a value is taken for one': [
      {
        decompress: (bytes, maxOutputLength) =>
          inflateRawSync(bytes, { maxOutputLength, finishFlush: 2 }),
      },
      'L07',
    ],
    'the input is written to': [
      {
        compress(bytes) {
          const packed = deflateRawSync(bytes)
          bytes.fill(0)
          return packed
        },
      },
      'L09',
    ],
    'all results share a buffer': [
      {
        compress(bytes) {
          const packed = deflateRawSync(bytes)
          shared.set(packed)
          return shared.subarray(0, packed.length)
        },
      },
      'L10',
    ],
  }

  it.each(Object.entries(defects))('notices that %s', async (_, [part, caught]) => {
    const promise = compressorContract.find(({ id }) => id === caught)
    const subject = { ...whole, compressor: { ...deflate, ...part } }
    await expect(promise?.run(subject)).rejects.toThrow()
  })
})
