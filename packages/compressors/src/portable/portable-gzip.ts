import type { Compressor } from '@hitbox/core'
import { Gunzip, gunzipSync, Gzip, gzipSync } from 'fflate'
import type { FlateLevel } from '../flate-options.ts'
import { tooLarge } from '../too-large.ts'
import { crc32 } from './checksum.ts'
import { portableCompressor } from './portable-compressor.ts'

/** gzip in JavaScript. */
export function portableGzip(level: FlateLevel): Compressor {
  const options = { level, mtime: 0 } // the time would make equal values differ
  return portableCompressor({
    id: 'gzip',
    minBytes: 20,
    compressSync: (bytes) => gzipSync(bytes, options),
    decompressSync: (bytes, maxBytes) => {
      // fflate makes room for as much as the last four bytes say, and no more.
      if (declaredLength(bytes) > maxBytes) throw tooLarge(maxBytes)
      return gunzipSync(bytes)
    },
    compressor: () => new Gzip(options),
    decompressor: () => new Gunzip(),
    isIntact: (output, bytes) =>
      declaredLength(bytes) === output.length % 2 ** 32 &&
      trailer(bytes).getUint32(0, true) === crc32(output),
  })
}

/** Checksum and length at the end of the bytes. */
function trailer(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8)
}

function declaredLength(bytes: Uint8Array): number {
  return trailer(bytes).getUint32(4, true)
}
