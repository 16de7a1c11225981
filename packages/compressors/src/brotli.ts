import {
  brotliCompress,
  brotliCompressSync,
  brotliDecompress,
  brotliDecompressSync,
  type BrotliOptions as ZlibOptions,
  constants,
} from 'node:zlib'
import { type Compressor, knownOptions, wholeNumber } from '@hitbox/core'
import { nativeCompressor } from './native/native-compressor.ts'

/** Options of {@link brotli}. */
export interface BrotliOptions {
  /**
   * From 0 (fast) to 11 (small). 4 takes the time of gzip's level 6 and makes less of the same; from 7 on, a value takes milliseconds.
   * @defaultValue 4
   */
  readonly quality?: number | undefined
}

/**
 * Compresses as Brotli (RFC 7932): smaller than gzip at the same cost, above all for text. It has no checksum of its own.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or out of range.
 */
export function brotli(options: BrotliOptions = {}): Compressor {
  knownOptions('brotli', options, ['quality'])
  const quality = wholeNumber('quality', options.quality ?? 4, { min: 0, max: 11 })
  const zlibOptions = (bytes: Uint8Array): ZlibOptions => ({
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  })
  return nativeCompressor({
    id: 'brotli',
    // A quarter of a millisecond; at the highest qualities 500 bytes take longer already.
    syncBytes: quality <= 4 ? 32_768 : quality <= 6 ? 16_384 : 0,
    compressSync: (bytes) => brotliCompressSync(bytes, zlibOptions(bytes)),
    compress: (bytes, done) => brotliCompress(bytes, zlibOptions(bytes), done),
    decompressSync: brotliDecompressSync,
    decompress: brotliDecompress,
  })
}
