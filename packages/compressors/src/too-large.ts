import { CacheError } from '@hitbox/core'

/** Decompression stopped at its limit; how much more there is nobody knows. */
export function tooLarge(maxBytes: number): CacheError<'TOO_LARGE'> {
  const details = { bytes: maxBytes + 1, maxBytes }
  return new CacheError('TOO_LARGE', `a value decompresses to more than ${maxBytes} bytes`, {
    details,
  })
}
