import { encodeFailed } from './failure.ts'

export interface SharedEncoder {
  /** @returns `undefined` when the codec cannot do it, above all because the value calls back while it is read. */
  readonly tryWrite: (value: unknown) => Uint8Array | undefined
  /** For values that have no code in them. */
  readonly write: (value: unknown) => Uint8Array
}

/**
 * Guards a codec that keeps its state and its output buffer for all calls of the process. The bytes are a copy, so that no later call
 * writes to them or keeps more than them in memory.
 */
export function sharedEncoder(
  format: string,
  encode: (value: unknown) => Uint8Array,
): SharedEncoder {
  let encoding = false

  const write = (value: unknown): Uint8Array => {
    // An accessor or a proxy inside a value came back here, and would write into the middle of it.
    if (encoding) throw encodeFailed(format, '$', 'a value while it encodes another')
    encoding = true
    try {
      const view = encode(value)
      const bytes = new Uint8Array(view.length)
      bytes.set(view)
      return bytes
    } catch (cause) {
      throw encodeFailed(format, '$', 'a value of this size', cause)
    } finally {
      encoding = false
    }
  }

  const tryWrite = (value: unknown): Uint8Array | undefined => {
    try {
      return write(value)
    } catch {
      return undefined // flattening reads the value before the codec begins, so it succeeds or tells what is wrong
    }
  }

  return { tryWrite, write }
}
