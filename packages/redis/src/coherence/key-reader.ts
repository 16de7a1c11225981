import { cacheKey, type KeyFormat, type StoreKey } from '@hitbox/core'

/** Reads keys as servers tell them back into keys as a format has them: texts, or bytes. */
export function keyReader(format: KeyFormat): (key: string | Buffer) => StoreKey {
  if (typeof format.encode(cacheKey({ prefix: 'k' }).text) === 'string') return String
  // A copy: what comes is a view on what was read from the wire.
  return (key) => Uint8Array.from(typeof key === 'string' ? Buffer.from(key) : key)
}
