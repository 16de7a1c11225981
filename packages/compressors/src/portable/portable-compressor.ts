import { setImmediate } from 'node:timers/promises'
import type { Compressor } from '@hitbox/core'
import { tooLarge } from '../too-large.ts'

/** One direction of fflate's streams: takes bytes, tells bytes through `ondata`. */
export interface FlateStream {
  ondata: (bytes: Uint8Array<ArrayBuffer>, final: boolean) => void
  push(bytes: Uint8Array, final: boolean): void
}

/** One algorithm of fflate. */
export interface PortableCodec {
  readonly id: string
  /** Shortest that the compressed form of anything can be. */
  readonly minBytes: number
  compressSync(bytes: Uint8Array): Uint8Array
  /** Takes little memory for what the bytes declare, and at most {@link MAX_RATIO} times their length for what they hold. */
  decompressSync(bytes: Uint8Array, maxBytes: number): Uint8Array
  compressor(): FlateStream
  decompressor(): FlateStream
  /** Whether the checksum at the end of the compressed bytes is that of the output; fflate does not look at it. */
  isIntact(output: Uint8Array, bytes: Uint8Array): boolean
}

// A third of a millisecond of work.
const SYNC_INPUT_BYTES = 16_384
const SYNC_OUTPUT_BYTES = 65_536
/** One turn's work on a large value, 1.4 ms: pieces are compressed on their own, and shorter ones shrink less. */
const COMPRESS_BYTES = 65_536
/** So little that even a bomb of it makes only a megabyte. A stream would spend most of its time on its window. */
const TINY_BYTES = 1_024
/** Deflate makes at most 1,032 bytes of one. */
const MAX_RATIO = 1_024

/** Small inputs at once; large ones piece by piece, with a turn of the event loop for others in between. */
export function portableCompressor(codec: PortableCodec): Compressor {
  return Object.freeze({
    id: codec.id,
    compress: (bytes: Uint8Array) =>
      bytes.length <= SYNC_INPUT_BYTES ? codec.compressSync(bytes) : compressLater(codec, bytes),
    decompress: (bytes: Uint8Array, maxBytes: number) => {
      if (bytes.length < codec.minBytes) throw new Error('the compressed data is cut')
      if (bytes.length > TINY_BYTES) return decompress(codec, bytes, maxBytes)
      const output = codec.decompressSync(bytes, maxBytes)
      if (output.length > maxBytes) throw tooLarge(maxBytes)
      return intact(codec, bytes, output)
    },
  })
}

async function compressLater(codec: PortableCodec, bytes: Uint8Array): Promise<Uint8Array> {
  const output = new Output(Number.POSITIVE_INFINITY)
  const stream = output.follow(codec.compressor())
  for (const [piece, final] of pieces(bytes, COMPRESS_BYTES)) {
    stream.push(piece, final)
    await setImmediate()
  }
  return output.join()
}

function decompress(
  codec: PortableCodec,
  bytes: Uint8Array,
  maxBytes: number,
): Uint8Array | Promise<Uint8Array> {
  const output = new Output(maxBytes)
  const stream = output.follow(codec.decompressor())
  // A piece is inflated whole before the limit is looked at again: so short that a bomb gets little further than the limit.
  const length = Math.min(Math.max(Math.ceil(maxBytes / MAX_RATIO), 1_024), SYNC_INPUT_BYTES)
  let at = 0
  for (const [piece, final] of pieces(bytes, length)) {
    stream.push(piece, final)
    at += piece.length
    if (!final && output.length > SYNC_OUTPUT_BYTES) {
      // Of a copy: what a store gives may be a view on a buffer that holds other things by then.
      const copy = new Uint8Array(bytes)
      const inflated = inflateLater(stream, pieces(copy.subarray(at), length), output)
      return inflated.then((result) => intact(codec, copy, result))
    }
  }
  return intact(codec, bytes, output.join())
}

async function inflateLater(
  stream: FlateStream,
  rest: Iterable<Piece>,
  output: Output,
): Promise<Uint8Array> {
  let seen = output.length
  for (const [piece, final] of rest) {
    if (output.length - seen > SYNC_OUTPUT_BYTES) {
      seen = output.length
      await setImmediate()
    }
    stream.push(piece, final)
  }
  return output.join()
}

function intact(codec: PortableCodec, bytes: Uint8Array, output: Uint8Array): Uint8Array {
  if (codec.isIntact(output, bytes)) return output
  throw new Error('the compressed data is damaged, cut, or followed by other bytes')
}

type Piece = readonly [piece: Uint8Array, final: boolean]

/** @yields at least one piece, so that there is a final one. */
function* pieces(bytes: Uint8Array, length: number): Generator<Piece> {
  let from = 0
  do {
    const to = from + length
    yield [bytes.subarray(from, to), to >= bytes.length]
    from = to
  } while (from < bytes.length)
}

/** Collects what a stream tells, up to a limit. */
class Output {
  readonly #maxBytes: number
  readonly #parts: Uint8Array[] = []
  length = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  follow(stream: FlateStream): FlateStream {
    stream.ondata = (part) => {
      this.length += part.length
      if (this.length > this.#maxBytes) throw tooLarge(this.#maxBytes)
      this.#parts.push(part)
    }
    return stream
  }

  join(): Uint8Array {
    const [first] = this.#parts
    if (first !== undefined && this.#parts.length === 1) return first
    const bytes = new Uint8Array(this.length)
    let at = 0
    for (const part of this.#parts) {
      bytes.set(part, at)
      at += part.length
    }
    return bytes
  }
}
