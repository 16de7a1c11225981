/**
 * Turns values into bytes and back.
 *
 * Encoding must be faithful or fail: `decode(encode(value))` equals `value`, up to conversions that the format documents,
 * and a value that cannot be kept throws `ENCODE_FAILED`. Every format that passes `formatContract` of `@hitbox/testing` is valid.
 */
export interface Format {
  /** 1 to 32 of `a-z 0-9 . -`. Stored beside the bytes, so never reused for another encoding. */
  readonly id: string
  /**
   * @returns bytes that nobody else will write to.
   * @throws {@link CacheError} `ENCODE_FAILED` when the value cannot be kept.
   */
  encode(value: unknown): Uint8Array
  /**
   * @param bytes - May be a view on a larger, shared buffer: what is returned must not point into it.
   * @throws anything, on bytes that `encode` did not write.
   */
  decode(bytes: Uint8Array): unknown
}
