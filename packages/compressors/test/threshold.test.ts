import { CacheError, type Compressor } from '@hitbox/core'
import { brotli, gzip, passthrough, threshold } from '@hitbox/compressors'
import { describe, expect, it } from 'vitest'
import { noise, text } from './every.ts'

/** Says what it is asked, and shrinks everything to a part. */
function shrinking(part: number): { compressor: Compressor; asked: number[] } {
  const asked: number[] = []
  const compressor: Compressor = {
    id: 'shrinking',
    compress: (bytes) => {
      asked.push(bytes.length)
      return bytes.subarray(0, Math.round(bytes.length * part))
    },
    decompress: (bytes) => bytes,
  }
  return { compressor, asked }
}

describe('threshold', () => {
  it('does not even try short values', () => {
    const { compressor, asked } = shrinking(0.1)
    const guarded = threshold(compressor, { minBytes: 100 })
    expect(guarded.compress(new Uint8Array(99))).toBeUndefined()
    expect(guarded.compress(new Uint8Array(100))).toHaveLength(10)
    expect(asked).toEqual([100])
  })

  it('keeps what hardly shrinks', () => {
    const bytes = new Uint8Array(1_000)
    const compress = (part: number): unknown =>
      threshold(shrinking(part).compressor, { minSaving: 0.2 }).compress(bytes)
    expect(compress(0.81)).toBeUndefined()
    expect(compress(0.8)).toHaveLength(800)
  })

  it('keeps what grows even when it asks for no saving', () => {
    const grows: Compressor = { ...shrinking(1).compressor, compress: () => new Uint8Array(101) }
    expect(
      threshold(grows, { minBytes: 0, minSaving: 0 }).compress(new Uint8Array(100)),
    ).toBeUndefined()
  })

  it('has defaults that keep 511 bytes and noise, and shrink text', async () => {
    const compressor = threshold(brotli())
    expect(compressor.compress(text(511))).toBeUndefined()
    expect(await compressor.compress(text(512))).toBeInstanceOf(Uint8Array)
    expect(await compressor.compress(noise(10_000))).toBeUndefined()
    expect(await compressor.compress(noise(100_000))).toBeUndefined()
  })

  it('reads and writes as the compressor inside does', async () => {
    const guarded = threshold(gzip())
    const bytes = text(2_000)
    expect(await gzip().decompress((await guarded.compress(bytes))!, 2_000)).toEqual(bytes)
    expect(await guarded.decompress((await gzip().compress(bytes))!, 2_000)).toEqual(bytes)
    expect(() => guarded.decompress(gzip().compress(bytes) as Uint8Array, 1_999)).toThrow(/1999/)
  })

  it('passes on what the compressor inside leaves as it is', () => {
    const twice = threshold(threshold(passthrough, { minBytes: 1_000, minSaving: 0 }), {
      minBytes: 0,
      minSaving: 0,
    })
    expect(twice.compress(new Uint8Array(999))).toBeUndefined()
    expect(twice.compress(new Uint8Array(1_000))).toHaveLength(1_000)
  })

  it.each([undefined, null, 5, 'gzip', {}, { id: 'x', compress() {} }])(
    'refuses %j as a compressor',
    (value) => {
      let caught: unknown
      try {
        threshold(value as never)
      } catch (error) {
        caught = error
      }
      expect(CacheError.is(caught, 'INVALID_OPTION') && caught.details.option).toBe('compressor')
    },
  )
})
