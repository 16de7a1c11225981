import * as zlib from 'node:zlib'
import { CacheError, type Compressor } from '@hitbox/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPRESSING, noise, text } from './every.ts'

const bombs: Readonly<Record<string, () => Uint8Array>> = {
  gzip: () => zlib.gzipSync(new Uint8Array(200e6), { level: 1 }),
  deflate: () => zlib.deflateSync(new Uint8Array(200e6), { level: 1 }),
  brotli: () =>
    zlib.brotliCompressSync(new Uint8Array(200e6), {
      params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 },
    }),
  zstd: () =>
    (zlib as unknown as { zstdCompressSync: (bytes: Uint8Array) => Buffer }).zstdCompressSync(
      new Uint8Array(200e6),
    ),
}

async function refusal(
  compressor: Compressor,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<unknown> {
  try {
    await compressor.decompress(bytes, maxBytes)
  } catch (error) {
    return error
  }
  return undefined
}

async function expectTooLarge(
  compressor: Compressor,
  bytes: Uint8Array,
  maxBytes: number,
): Promise<void> {
  const error = await refusal(compressor, bytes, maxBytes)
  expect(CacheError.is(error, 'TOO_LARGE') && error.details.maxBytes).toBe(maxBytes)
}

describe.each(COMPRESSING)('$name', ({ compressor }) => {
  it('stops at the limit, to the byte', async () => {
    for (const length of [1, 2, 1_000, 70_000, 600_000]) {
      for (const bytes of [text(length), noise(length)]) {
        const packed = (await compressor.compress(bytes))!
        await expectTooLarge(compressor, packed, length - 1)
        await expectTooLarge(compressor, packed, 0)
        expect(await compressor.decompress(packed, length)).toHaveLength(length)
        expect(await compressor.decompress(packed, length + 1)).toHaveLength(length)
      }
    }
  })

  it('stops a bomb of 200 MB without room for it', async () => {
    const bomb = bombs[compressor.id]!()
    expect(bomb.length).toBeLessThan(1_000_000)
    const before = process.memoryUsage()
    for (const maxBytes of [1_000, 1_000_000]) await expectTooLarge(compressor, bomb, maxBytes)
    const after = process.memoryUsage()
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(30e6)
    expect(after.rss - before.rss).toBeLessThan(60e6)
  })

  it('refuses what is cut or goes on', async () => {
    for (const length of [0, 10, 1_000, 5_000, 300_000]) {
      const packed = (await compressor.compress(text(length)))!
      const cuts = [1, 2, 3, 4, 5, 8, packed.length >> 1, packed.length].filter(
        (cut) => cut > 0 && cut <= packed.length,
      )
      for (const cut of cuts) {
        expect(
          await refusal(compressor, packed.subarray(0, packed.length - cut), length),
        ).toBeInstanceOf(Error)
      }
      // After nothing at all, the checksum of gzip cannot tell one zero more.
      for (const more of [[length === 0 ? 1 : 0], [1, 2, 3], noise(100)]) {
        const longer = Buffer.concat([packed, Uint8Array.from(more)])
        expect(await refusal(compressor, longer, 2 * length + 1)).toBeInstanceOf(Error)
      }
    }
  })

  it('answers any bytes with a value within the limit or an error', async () => {
    const seeds: Uint8Array[] = []
    for (const bytes of [text(0), text(300), text(5_000), noise(200)]) {
      seeds.push((await compressor.compress(bytes))!)
    }
    const edit = fc.tuple(fc.nat(), fc.nat(255))
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 3 }))
      .map(([seed, edits]) => {
        const bytes = seed.slice()
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte
        return bytes
      })
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), async (bytes) => {
        let raw: Uint8Array
        try {
          raw = await compressor.decompress(bytes, 6_000)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          return
        }
        expect(raw.length).toBeLessThanOrEqual(6_000)
      }),
      { numRuns: 2_000 },
    )
  })
})

// Brotli has no checksum; the envelope around it has one.
describe.each(COMPRESSING.filter(({ name }) => name !== 'brotli'))('$name', ({ compressor }) => {
  it('never gives another value for a bit that has flipped', async () => {
    const bytes = text(2_000)
    const packed = (await compressor.compress(bytes))!
    for (let at = 10; at < packed.length; at += 1) {
      const damaged = packed.slice()
      damaged[at]! ^= 16
      const error = await refusal(compressor, damaged, bytes.length)
      // A few bits mean nothing, for example those that fill up the last byte.
      if (error === undefined) {
        expect(await compressor.decompress(damaged, bytes.length)).toEqual(bytes)
      } else expect(error).toBeInstanceOf(Error)
    }
  })
})
