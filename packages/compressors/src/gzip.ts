import { gunzip, gunzipSync, gzip as zlibGzip, gzipSync } from 'node:zlib'
import { type Compressor, knownOptions } from '@hitbox/core'
import { type FlateOptions, resolveFlateOptions } from './flate-options.ts'
import { nativeCompressor } from './native/native-compressor.ts'
import { portableGzip } from './portable/portable-gzip.ts'

/** Options of {@link gzip}. */
export type GzipOptions = FlateOptions

/**
 * Compresses as gzip (RFC 1952): read by everything, checks what it reads by a CRC-32.
 *
 * @example
 * ```ts
 * import { gzip } from '@hitbox/compressors'
 *
 * export const compressor = gzip({ level: 1 })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or out of range.
 */
export function gzip(options: GzipOptions = {}): Compressor {
  knownOptions('gzip', options, ['level', 'implementation'])
  const { level, implementation, syncBytes } = resolveFlateOptions(options)
  if (implementation === 'portable') return portableGzip(level)
  return nativeCompressor({
    id: 'gzip',
    syncBytes,
    compressSync: (bytes) => gzipSync(bytes, { level }),
    compress: (bytes, done) => zlibGzip(bytes, { level }, done),
    decompressSync: gunzipSync,
    decompress: gunzip,
  })
}
