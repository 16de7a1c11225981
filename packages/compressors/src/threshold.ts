import { chain, type Compressor, invalidOption, knownOptions, wholeNumber } from '@hitbox/core'

/** Options of {@link threshold}: when compressing pays. */
export interface ThresholdOptions {
  /** Shorter values are kept as they are, in bytes. @defaultValue 512 */
  readonly minBytes?: number | undefined
  /** Values that shrink by less than this part of their length, from 0 to below 1, are kept as they are. @defaultValue 0.1 */
  readonly minSaving?: number | undefined
}

/**
 * Compresses only where it pays. What is kept as it is costs nothing to read.
 *
 * It has the id of the compressor inside, and reads the same: with and without a threshold, each reads the entries of the other. Not for
 * layouts without an envelope, which cannot say which values were compressed.
 *
 * @example
 * ```ts
 * import { brotli, threshold } from '@hitbox/compressors'
 *
 * export const compressor = threshold(brotli(), { minBytes: 2_048, minSaving: 0.2 })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or out of range, or `compressor` is none.
 */
export function threshold(compressor: Compressor, options: ThresholdOptions = {}): Compressor {
  knownOptions('threshold', options, ['minBytes', 'minSaving'])
  const inner = usable(compressor)
  const minBytes = wholeNumber('minBytes', options.minBytes ?? 512, { min: 0 })
  const minSaving = fraction('minSaving', options.minSaving ?? 0.1)
  return Object.freeze({
    id: inner.id,
    compress: (bytes: Uint8Array) => {
      if (bytes.length < minBytes) return undefined
      const most = bytes.length * (1 - minSaving)
      return chain(inner.compress(bytes), (packed) =>
        packed !== undefined && packed.length <= most ? packed : undefined,
      )
    },
    decompress: (bytes: Uint8Array, maxBytes: number) => inner.decompress(bytes, maxBytes),
  })
}

function usable(compressor: Compressor): Compressor {
  const parts = Object(compressor) as Partial<Compressor>
  if (
    typeof parts.id === 'string' &&
    typeof parts.compress === 'function' &&
    typeof parts.decompress === 'function'
  ) {
    return compressor
  }
  throw invalidOption('compressor', 'an object with id, compress and decompress', compressor)
}

function fraction(option: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value < 1) return value
  throw invalidOption(option, 'a number from 0 to below 1', value)
}
