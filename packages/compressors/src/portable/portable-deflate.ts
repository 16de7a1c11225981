import type { Compressor } from '@hitbox/core'
import { Unzlib, unzlibSync, Zlib, zlibSync } from 'fflate'
import type { FlateLevel } from '../flate-options.ts'
import { adler32 } from './checksum.ts'
import { portableCompressor } from './portable-compressor.ts'

/** deflate in JavaScript. */
export function portableDeflate(level: FlateLevel): Compressor {
  return portableCompressor({
    id: 'deflate',
    minBytes: 8,
    compressSync: (bytes) => zlibSync(bytes, { level }),
    decompressSync: (bytes) => unzlibSync(bytes),
    compressor: () => new Zlib({ level }),
    decompressor: () => new Unzlib(),
    isIntact: (output, bytes) =>
      new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0) ===
      adler32(output),
  })
}
