import type { Compressor } from '@hitbox/core'
import { Gunzip, Gzip, gzipSync } from 'fflate'
import type { FlateLevel } from '../flate-options.ts'
import { crc32 } from './checksum.ts'
import { portableCompressor } from './portable-compressor.ts'

/** gzip in JavaScript. */
export function portableGzip(level: FlateLevel): Compressor {
  const options = { level, mtime: 0 } // the time would make equal values differ
  return portableCompressor({
    id: 'gzip',
    minBytes: 20,
    compressSync: (bytes) => gzipSync(bytes, options),
    compressor: () => new Gzip(options),
    decompressor: () => new Gunzip(),
    isIntact: (output, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8)
      return (
        view.getUint32(4, true) === output.length % 2 ** 32 &&
        view.getUint32(0, true) === crc32(output)
      )
    },
  })
}
