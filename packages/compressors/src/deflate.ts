import { deflate as zlibDeflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { type Compressor, knownOptions } from '@hitbox/core'
import { type FlateOptions, resolveFlateOptions } from './flate-options.ts'
import { nativeCompressor } from './native/native-compressor.ts'
import { portableDeflate } from './portable/portable-deflate.ts'

/** Options of {@link deflate}. */
export type DeflateOptions = FlateOptions

/**
 * Compresses as deflate in a zlib frame (RFC 1950, what HTTP calls `deflate`): 12 bytes less than gzip, checks by an Adler-32.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or out of range.
 */
export function deflate(options: DeflateOptions = {}): Compressor {
  knownOptions('deflate', options, ['level', 'implementation'])
  const { level, implementation, syncBytes } = resolveFlateOptions(options)
  if (implementation === 'portable') return portableDeflate(level)
  return nativeCompressor({
    id: 'deflate',
    syncBytes,
    compressSync: (bytes) => deflateSync(bytes, { level }),
    compress: (bytes, done) => zlibDeflate(bytes, { level }, done),
    decompressSync: inflateSync,
    decompress: inflate,
  })
}
