import assert from 'node:assert/strict'
import { CacheError, type Compressor } from '@hitbox/core'
import type { ContractCase, Reason } from './contract-case.ts'
import { randomBytes, randomText, seeded } from './random.ts'

/** What {@link compressorContract} is run against. */
export interface CompressorSubject {
  readonly compressor: Compressor
  readonly capabilities: CompressorCapabilities
}

/** What not every compressor can do. Each is given, or refused with a reason. */
export interface CompressorCapabilities {
  /** Makes texts that repeat themselves smaller. */
  readonly shrinks: true | Reason
  /** Stops at the limit of its result. */
  readonly bounded: true | Reason
  /** Throws on bytes that were cut short. */
  readonly noticesCuts: true | Reason
}

/** Name of one of the {@link CompressorCapabilities}. */
export type CompressorCapability = keyof CompressorCapabilities

/** One promise that every compressor keeps. */
export type CompressorCase = ContractCase<CompressorSubject, CompressorCapability>

function compressorCase(
  id: string,
  title: string,
  why: string,
  test: (compressor: Compressor) => Promise<void>,
  needs: readonly CompressorCapability[] = [],
): CompressorCase {
  const run = ({ compressor }: CompressorSubject): Promise<void> => test(compressor)
  return Object.freeze({ id, group: 'compressor', title, why, needs, run })
}

const utf8 = new TextEncoder()
const repetitive = (length: number): Uint8Array =>
  utf8.encode('the same words again, '.repeat(length / 22 + 1)).subarray(0, length)

const LIMIT = 64 * 1_048_576

/** Compresses and decompresses; what is not worth it stays as it is. */
async function roundTrip(compressor: Compressor, raw: Uint8Array): Promise<void> {
  const packed = await compressor.compress(raw)
  if (packed === undefined) return
  assert.ok(packed.length <= raw.length + raw.length / 50 + 1_024, 'it became much larger')
  const back = await compressor.decompress(packed, Math.max(1, raw.length))
  assert.ok(back instanceof Uint8Array)
  assert.equal(Buffer.compare(back, raw), 0, `${raw.length} bytes came back otherwise`)
}

/** Group L: bytes come back exactly, and never more than asked for. */
export const compressorContract: readonly CompressorCase[] = Object.freeze([
  compressorCase(
    'L01',
    'has an id that an envelope can carry',
    'the id tells a reader how to decompress',
    async ({ id }) => assert.match(id, /^[a-z0-9.-]{1,32}$/),
  ),
  compressorCase(
    'L02',
    'gives back bytes of every size, from none to 16 MB',
    'sizes choose between paths: none, small and at once, large and off the event loop',
    async (compressor) => {
      for (const size of [0, 1, 2, 100, 1_023, 1_024, 65_535, 65_536, 65_537, 300_000])
        await roundTrip(compressor, repetitive(size))
      await roundTrip(compressor, repetitive(16 * 1_048_576))
    },
  ),
  compressorCase(
    'L03',
    'gives back bytes that cannot be made smaller, and does not make them much larger',
    'values may be compressed already',
    async (compressor) => {
      for (const size of [1, 100, 65_536, 300_000]) await roundTrip(compressor, randomBytes(size))
    },
  ),
  compressorCase(
    'L04',
    'makes a text that repeats itself smaller',
    'this is what it is for',
    async (compressor) => {
      const raw = repetitive(100_000)
      const packed = await compressor.compress(raw)
      assert.ok(packed !== undefined && packed.length < raw.length / 2)
    },
    ['shrinks'],
  ),
  compressorCase(
    'L05',
    'stops a bomb at its limit with TOO_LARGE',
    'a few kilobytes from a shared store must not become gigabytes in every process',
    async (compressor) => {
      const bomb = await compressor.compress(new Uint8Array(16 * 1_048_576))
      assert.ok(bomb)
      for (const limit of [1, 1_000, 1_048_576, 16 * 1_048_576 - 1]) {
        const failure = await Promise.resolve()
          .then(() => compressor.decompress(bomb, limit))
          .catch((error: unknown) => error)
        assert.ok(CacheError.is(failure, 'TOO_LARGE'), `a limit of ${limit} did not hold`)
      }
    },
    ['bounded'],
  ),
  compressorCase(
    'L06',
    'gives a result of exactly the limit',
    'a limit is the largest that may pass',
    async (compressor) => {
      for (const size of [1, 1_000, 200_000]) {
        const packed = await compressor.compress(repetitive(size))
        if (packed === undefined) continue
        assert.equal((await compressor.decompress(packed, size)).length, size)
        assert.equal((await compressor.decompress(packed, LIMIT)).length, size)
      }
    },
  ),
  compressorCase(
    'L07',
    'throws on bytes that were cut short',
    'half a value is none',
    async (compressor) => {
      for (const size of [1_000, 200_000]) {
        const packed = await compressor.compress(utf8.encode(randomText(size)))
        assert.ok(packed, 'it did not compress random text')
        for (const part of [0.1, 0.5, 0.9]) {
          const cut = Uint8Array.from(packed.subarray(0, packed.length * part))
          await assert.rejects(async () => compressor.decompress(cut, LIMIT))
        }
      }
    },
    ['noticesCuts'],
  ),
  compressorCase(
    'L08',
    'survives bytes that it did not write',
    'it may throw or give other bytes, within the limit; it may not take the process with it',
    async (compressor) => {
      const random = seeded(8)
      const packed = await compressor.compress(repetitive(5_000))
      for (let turn = 0; turn < 300; turn += 1) {
        const rubbish = turn % 2 === 0 && packed ? Uint8Array.from(packed) : randomBytes(200, turn)
        const at = random(rubbish.length)
        rubbish[at] = (rubbish[at] as number) ^ (1 << random(8))
        await Promise.resolve()
          .then(() => compressor.decompress(rubbish, 10_000))
          .catch(() => {})
      }
      await roundTrip(compressor, repetitive(5_000))
    },
  ),
  compressorCase(
    'L09',
    'leaves the bytes that it is given as they are, and reads only its own part of a buffer',
    'they belong to somebody else, and are often a view',
    async (compressor) => {
      const arena = randomBytes(3_000)
      arena.set(repetitive(1_000), 1_000)
      const before = Uint8Array.from(arena)
      const raw = arena.subarray(1_000, 2_000)
      await roundTrip(compressor, raw)
      const packed = await compressor.compress(raw)
      if (packed !== undefined) {
        const shelf = new Uint8Array(packed.length + 200).fill(255)
        shelf.set(packed, 100)
        const view = shelf.subarray(100, 100 + packed.length)
        assert.equal(Buffer.compare(await compressor.decompress(view, 1_000), raw), 0)
      }
      assert.equal(Buffer.compare(arena, before), 0, 'it wrote into what it was given')
    },
  ),
  compressorCase(
    'L10',
    'keeps 40 calls at a time apart, small and large',
    'results that share a buffer are the same result',
    async (compressor) => {
      const raws = Array.from({ length: 40 }, (_, turn) =>
        utf8.encode(randomText(turn % 4 === 0 ? 150_000 : 500, turn).repeat(2)),
      )
      const packed = await Promise.all(raws.map(async (raw) => compressor.compress(raw)))
      const copies = packed.map((bytes) => bytes && Uint8Array.from(bytes))
      const back = await Promise.all(
        packed.map(async (bytes, turn) =>
          bytes === undefined ? raws[turn] : compressor.decompress(bytes, LIMIT),
        ),
      )
      for (const [turn, raw] of raws.entries()) {
        assert.equal(Buffer.compare(back[turn] as Uint8Array, raw), 0)
        const bytes = packed[turn]
        if (bytes !== undefined) assert.equal(Buffer.compare(bytes, copies[turn] as Uint8Array), 0)
      }
    },
  ),
])
