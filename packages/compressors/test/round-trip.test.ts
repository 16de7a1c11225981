import type { Compressor } from '@hitbox/core'
import { brotli, deflate, gzip, zstd } from '@hitbox/compressors'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPRESSING, EVERY, hasZstd, noise, text } from './every.ts'

async function expectRoundTrip(
  writer: Compressor,
  reader: Compressor,
  bytes: Uint8Array,
): Promise<void> {
  const packed = await writer.compress(bytes)
  const raw = packed === undefined ? bytes : await reader.decompress(packed, bytes.length)
  expect(Buffer.compare(raw, bytes)).toBe(0)
}

describe.each(EVERY)('$name', ({ compressor, twin = compressor }) => {
  it('gives back what it took, at once or later', async () => {
    for (const length of [0, 1, 100, 16_384, 16_385, 32_768, 32_769, 100_000, 300_000]) {
      for (const bytes of [new Uint8Array(length), text(length), noise(length)]) {
        await expectRoundTrip(compressor, compressor, bytes)
        await expectRoundTrip(compressor, twin, bytes)
      }
    }
  })

  it('gives back any bytes', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 3_000, size: 'max' }),
      fc
        .array(fc.uint8Array({ maxLength: 20 }), { minLength: 1 })
        .map((parts) => Buffer.concat([...parts, ...parts, ...parts])),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (value) => {
        await expectRoundTrip(compressor, compressor, value)
        await expectRoundTrip(compressor, twin, value)
      }),
      { numRuns: 300 },
    )
  })

  it('takes and gives views on larger buffers', async () => {
    const whole = new Uint8Array(5_000).fill(7)
    whole.set(text(3_000), 1_000)
    const packed = (await compressor.compress(whole.subarray(1_000, 4_000)))!
    const shifted = new Uint8Array(packed.length + 20).fill(9)
    shifted.set(packed, 10)
    const raw = await compressor.decompress(shifted.subarray(10, 10 + packed.length), 3_000)
    expect(Buffer.compare(raw, text(3_000))).toBe(0)
  })
})

describe.each(COMPRESSING)('$name', ({ compressor }) => {
  it('makes text smaller', async () => {
    expect((await compressor.compress(text(10_000)))!.length).toBeLessThan(5_000)
  })

  it('writes the same bytes for the same value', async () => {
    expect(await compressor.compress(text(2_000))).toEqual(await compressor.compress(text(2_000)))
  })

  it('answers at once for what is small, with a promise for what is large', async () => {
    const small = compressor.compress(text(4_000))
    expect(small).toBeInstanceOf(Uint8Array)
    expect(compressor.decompress(small as Uint8Array, 4_000)).toBeInstanceOf(Uint8Array)
    const large = compressor.compress(text(1_000_000))
    expect(large).toBeInstanceOf(Promise)
    const reading = compressor.decompress((await large)!, 1_000_000)
    expect(reading).toBeInstanceOf(Promise)
    await reading
  })

  it('reads on from its own copy when it answers later', async () => {
    const bytes = text(1_000_000)
    const packed = (await compressor.compress(bytes))!
    const view = packed.slice()
    const reading = compressor.decompress(view, bytes.length)
    view.fill(0) // as a driver does that uses one buffer for all
    expect(Buffer.compare(await reading, bytes)).toBe(0)
  })

  it('keeps no large buffer for a small result', async () => {
    const packed = (await compressor.compress(text(1_000)))!
    expect(packed.buffer.byteLength).toBeLessThanOrEqual(2 * packed.length)
    expect(Object.getPrototypeOf(packed)).toBe(Uint8Array.prototype)
    const raw = await compressor.decompress(packed, 1_000)
    expect(raw.buffer.byteLength).toBeLessThanOrEqual(2_000)
    expect(Object.getPrototypeOf(raw)).toBe(Uint8Array.prototype)
  })
})

describe('levels', () => {
  const levels = (from: number, to: number): number[] =>
    Array.from({ length: to - from + 1 }, (_, index) => from + index)

  it.each([
    ...levels(0, 9).map((level) => ['gzip', level, gzip({ level }), gzip()] as const),
    ...levels(0, 9).map(
      (level) =>
        ['portable gzip', level, gzip({ level, implementation: 'portable' }), gzip()] as const,
    ),
    ...levels(0, 9).map((level) => ['deflate', level, deflate({ level }), deflate()] as const),
    ...levels(0, 9).map(
      (level) =>
        [
          'portable deflate',
          level,
          deflate({ level, implementation: 'portable' }),
          deflate(),
        ] as const,
    ),
    ...levels(0, 11).map((quality) => ['brotli', quality, brotli({ quality }), brotli()] as const),
    ...(hasZstd
      ? levels(-7, 22).map((level) => ['zstd', level, zstd({ level }), zstd()] as const)
      : []),
  ])('%s %i is read by any other', async (_, __, writer, reader) => {
    expect(writer.id).toBe(reader.id)
    await expectRoundTrip(writer, reader, text(2_000))
    await expectRoundTrip(writer, reader, text(40_000))
  })

  it('makes higher levels smaller', async () => {
    const size = async (compressor: Compressor): Promise<number> =>
      (await compressor.compress(text(50_000)))!.length
    expect(await size(gzip({ level: 9 }))).toBeLessThan(await size(gzip({ level: 1 })))
    expect(await size(gzip({ level: 1 }))).toBeLessThan(await size(gzip({ level: 0 })))
    expect(await size(deflate({ level: 9 }))).toBeLessThan(await size(deflate({ level: 1 })))
    expect(await size(brotli({ quality: 11 }))).toBeLessThan(await size(brotli({ quality: 0 })))
  })
})
