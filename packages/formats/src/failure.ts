import { CacheError } from '@hitbox/core'

/** A value that `format` cannot keep. The path holds names of properties, so it travels in the details, not in the message. */
export function encodeFailed(
  format: string,
  path: string,
  reason: string,
  cause?: unknown,
): CacheError<'ENCODE_FAILED'> {
  return new CacheError('ENCODE_FAILED', `format "${format}" cannot keep ${reason}`, {
    details: { format, path },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Runs a decoder; whatever it throws becomes `DECODE_FAILED`. */
export function decoding<T>(format: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    const details = { format }
    throw new CacheError('DECODE_FAILED', `bytes are not what format "${format}" writes`, {
      details,
      cause,
    })
  }
}
