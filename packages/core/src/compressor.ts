import type { MaybePromise } from './maybe-promise.ts'

/**
 * Makes bytes smaller and back, exactly: `decompress(compress(bytes))` equals `bytes`, empty ones included.
 * Every compressor that passes `compressorContract` of `@hitbox/testing` is valid.
 */
export interface Compressor {
  /** 1 to 32 of `a-z 0-9 . -`. Stored beside the bytes, so never reused for another encoding; the level is no part of it. */
  readonly id: string
  /** @returns `undefined` when compressing is not worth it: the bytes are then kept as they are, and the envelope says so. */
  compress(bytes: Uint8Array): MaybePromise<Uint8Array | undefined>
  /**
   * @param bytes - Valid until this returns: who answers later works on a copy.
   * @param maxBytes - Stop, and throw `TOO_LARGE`, as soon as the result is longer than this.
   * @throws anything else, on bytes that `compress` did not write.
   */
  decompress(bytes: Uint8Array, maxBytes: number): MaybePromise<Uint8Array>
}

/** Leaves bytes as they are, without a copy. */
export const identityCompressor: Compressor = Object.freeze({
  id: 'none',
  compress: (bytes: Uint8Array): Uint8Array => bytes,
  decompress: (bytes: Uint8Array): Uint8Array => bytes,
})
