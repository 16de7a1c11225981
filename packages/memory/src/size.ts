import { CacheError, invalidOption } from '@hitbox/core'
import type { SizeOf } from './options.ts'

/**
 * What an entry counts for.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when `sizeOf` throws or gives no whole number of 1 or more;
 * `TOO_LARGE` when the entry does not fit even alone.
 */
export function measure(sizeOf: SizeOf, data: unknown, key: string, maxBytes: number): number {
  const bytes = asked(sizeOf, data, key)
  if (!Number.isSafeInteger(bytes) || bytes < 1) {
    throw invalidOption('sizeOf', 'a function that gives a whole number of 1 or more', bytes)
  }
  return fitting(bytes, maxBytes)
}

/** What encoded bytes count for: their length and the characters of the key. */
export function measureBytes(bytes: Uint8Array, key: string, maxBytes: number): number {
  return fitting(bytes.length + key.length, maxBytes)
}

function asked(sizeOf: SizeOf, data: unknown, key: string): number {
  try {
    return sizeOf(data, key)
  } catch (cause) {
    throw new CacheError('INVALID_OPTION', '"sizeOf" must tell the size of a value, and threw', {
      details: { option: 'sizeOf', value: undefined },
      cause,
    })
  }
}

function fitting(bytes: number, maxBytes: number): number {
  if (bytes <= maxBytes) return bytes
  const message = `an entry of ${bytes} bytes is larger than "maxBytes", which is ${maxBytes}`
  throw new CacheError('TOO_LARGE', message, { details: { bytes, maxBytes } })
}
