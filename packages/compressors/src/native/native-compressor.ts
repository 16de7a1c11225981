import type { Compressor } from '@hitbox/core'
import { tooLarge } from '../too-large.ts'

/** One algorithm of `node:zlib`. */
export interface NativeCodec {
  readonly id: string
  /** Longest input that is compressed at once, on the event loop. Longer ones go to the thread pool. */
  readonly syncBytes: number
  compressSync(bytes: Uint8Array): Buffer
  compress(bytes: Uint8Array, done: (error: Error | null, result: Buffer) => void): void
  /** With `info: true`, which these options always have, zlib's result is a {@link Reading}, although its types say `Buffer`. */
  decompressSync(bytes: Uint8Array, options: ReadingOptions): unknown
  decompress(
    bytes: Uint8Array,
    options: ReadingOptions,
    done: (error: Error | null, result: unknown) => void,
  ): void
  /** Throws when zlib would not notice that the bytes are cut or go on. */
  check?(bytes: Uint8Array): void
}

interface ReadingOptions {
  readonly maxOutputLength: number
  readonly info: true
}

interface Reading {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

// A quarter of a millisecond of work at most, measured on two cores of a server. The hop to the thread pool costs a tenth, when it is idle.
const SYNC_INPUT_BYTES = 65_536
const SYNC_OUTPUT_BYTES = 262_144

/** Small inputs at once, large ones on the thread pool. Reading begins at once and moves over when the output turns out to be large. */
export function nativeCompressor(codec: NativeCodec): Compressor {
  const readAtOnce = (bytes: Uint8Array, limit: number): Uint8Array =>
    wholeOutput(codec.decompressSync(bytes, readingOptions(limit)), bytes, limit)

  // Of a copy: what a store gives may be a view on a buffer that holds other things by then.
  const readLater = (view: Uint8Array, limit: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(view)
    return new Promise((resolve, reject) => {
      codec.decompress(bytes, readingOptions(limit), (error, result) => {
        try {
          if (error !== null) throw error
          resolve(wholeOutput(result, bytes, limit))
        } catch (cause) {
          reject(failure(cause, limit))
        }
      })
    })
  }

  return Object.freeze({
    id: codec.id,

    compress: (bytes: Uint8Array) => {
      if (bytes.length <= codec.syncBytes) return ownBytes(codec.compressSync(bytes))
      return new Promise<Uint8Array>((resolve, reject) => {
        codec.compress(bytes, (error, result) => {
          if (error === null) resolve(ownBytes(result))
          else reject(error)
        })
      })
    },

    decompress: (bytes: Uint8Array, maxBytes: number) => {
      codec.check?.(bytes)
      if (bytes.length > SYNC_INPUT_BYTES) return readLater(bytes, maxBytes)
      try {
        return readAtOnce(bytes, Math.min(maxBytes, SYNC_OUTPUT_BYTES))
      } catch (error) {
        if (!isTooLong(error) || maxBytes <= SYNC_OUTPUT_BYTES) throw failure(error, maxBytes)
        return readLater(bytes, maxBytes)
      }
    },
  })
}

function readingOptions(limit: number): ReadingOptions {
  return { maxOutputLength: Math.max(limit, 1), info: true } // zlib takes no 0
}

function wholeOutput(result: unknown, input: Uint8Array, limit: number): Uint8Array {
  const { buffer, engine } = result as Reading
  if (engine.bytesWritten !== input.length)
    throw new Error('there are bytes after the compressed data')
  if (buffer.length > limit) throw tooLarge(limit)
  return ownBytes(buffer)
}

/** Without the rest of zlib's working buffer, which a small result would keep in memory. */
function ownBytes(buffer: Buffer): Uint8Array {
  if (buffer.length * 2 < buffer.buffer.byteLength) return new Uint8Array(buffer)
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function failure(error: unknown, maxBytes: number): unknown {
  return isTooLong(error) ? tooLarge(maxBytes) : error
}

function isTooLong(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'ERR_BUFFER_TOO_LARGE'
}
