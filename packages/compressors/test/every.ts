import type { Compressor } from '@hitbox/core'
import { brotli, deflate, gzip, passthrough, threshold, zstd } from '@hitbox/compressors'

/** Whether this Node.js has Zstandard; where not, its tests are those of its error. */
export const hasZstd: boolean = 'zstdCompressSync' in process.getBuiltinModule('node:zlib')

export interface Subject {
  readonly name: string
  readonly compressor: Compressor
  /** Another maker of the same bytes, which must read them. */
  readonly twin?: Compressor
}

export const COMPRESSING: readonly Subject[] = [
  { name: 'gzip', compressor: gzip(), twin: gzip({ implementation: 'portable' }) },
  { name: 'portable gzip', compressor: gzip({ implementation: 'portable' }), twin: gzip() },
  { name: 'deflate', compressor: deflate(), twin: deflate({ implementation: 'portable' }) },
  {
    name: 'portable deflate',
    compressor: deflate({ implementation: 'portable' }),
    twin: deflate(),
  },
  { name: 'brotli', compressor: brotli() },
  ...(hasZstd ? [{ name: 'zstd', compressor: zstd() }] : []),
]

export const EVERY: readonly Subject[] = [
  ...COMPRESSING,
  { name: 'passthrough', compressor: passthrough },
  {
    name: 'threshold',
    compressor: threshold(gzip(), { minBytes: 0, minSaving: 0 }),
    twin: gzip({ implementation: 'portable' }),
  },
]

export function text(length: number): Uint8Array {
  const words = Array.from({ length: 50 }, (_, id) => Math.imul(id + 7, 2_654_435_761).toString(36))
  let result = ''
  for (let at = 0; result.length < length; at += 1) result += `${words[(at * at) % 50]} `
  return new TextEncoder().encode(result.slice(0, length))
}

/** Bytes that do not shrink, the same in every run. */
export function noise(length: number): Uint8Array {
  let state = 1
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state, 1_664_525) + 1_013_904_223
    return state >>> 24
  })
}
