import type { Compressor } from '@hitbox/core'
import { brotli, deflate, gzip, passthrough, threshold, zstd } from '@hitbox/compressors'
import { brotli as brotliAlone } from '@hitbox/compressors/brotli'
import { deflate as deflateAlone } from '@hitbox/compressors/deflate'
import { gzip as gzipAlone } from '@hitbox/compressors/gzip'
import { passthrough as passthroughAlone } from '@hitbox/compressors/passthrough'
import { threshold as thresholdAlone } from '@hitbox/compressors/threshold'
import { zstd as zstdAlone } from '@hitbox/compressors/zstd'
import { expectTypeOf } from 'vitest'

expectTypeOf(gzip({ level: 1, implementation: 'portable' })).toEqualTypeOf<Compressor>()
expectTypeOf(deflate()).toEqualTypeOf<Compressor>()
expectTypeOf(brotli({ quality: undefined })).toEqualTypeOf<Compressor>()
expectTypeOf(zstd).returns.toEqualTypeOf<Compressor>()
expectTypeOf(threshold(passthrough, { minBytes: 100 })).toEqualTypeOf<Compressor>()
expectTypeOf([brotliAlone, zstdAlone]).toBeArray()
expectTypeOf(gzipAlone).toEqualTypeOf(gzip)
expectTypeOf(deflateAlone).toEqualTypeOf(deflate)
expectTypeOf(passthroughAlone).toEqualTypeOf<Compressor>()
expectTypeOf(thresholdAlone).toEqualTypeOf(threshold)

// @ts-expect-error: no such implementation
gzip({ implementation: 'wasm' })
// @ts-expect-error: brotli counts in qualities
brotli({ level: 4 })
// @ts-expect-error: a threshold needs something to guard
threshold({ minBytes: 100 })
