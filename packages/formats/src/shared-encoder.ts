import { CacheError } from '@hitbox/core'
import { encodeFailed } from './failure.ts'

/**
 * Makes an encoder of a codec that keeps its state and its output buffer for all calls of the process.
 *
 * @returns an encoder whose bytes are a copy, so that no later call writes to them or keeps more than them in memory.
 */
export function sharedEncoder(
  format: string,
  encode: (value: unknown) => Uint8Array,
): (value: unknown) => Uint8Array {
  let encoding = false
  return (value) => {
    // An accessor or a proxy inside a value could come back here, and would write into the middle of it.
    if (encoding) throw encodeFailed(format, '$', 'a value while it encodes another')
    encoding = true
    try {
      const view = encode(value)
      const bytes = new Uint8Array(view.length)
      bytes.set(view)
      return bytes
    } catch (cause) {
      throw CacheError.is(cause)
        ? cause
        : encodeFailed(format, '$', 'a value of this size or kind', cause)
    } finally {
      encoding = false
    }
  }
}
