import { createHash } from 'node:crypto'
import { wholeNumber } from '../options.ts'
import { parseKeyText } from './cache-key.ts'
import { escapeText, unescapeSegment } from './escape.ts'
import { packKey, unpackKey } from './pack.ts'

/** What a store uses as a key. */
export type StoreKey = string | Uint8Array

/** A store key as a text, for maps. */
export function keyId(key: StoreKey): string {
  return typeof key === 'string' ? key : String.fromCharCode(...key)
}

/**
 * Turns the text of a key into what a store uses. Must be injective: two texts never share a store key.
 * The one exception is a hash, and then the envelope, which repeats the text, is the proof.
 */
export interface KeyFormat<Key extends StoreKey = StoreKey> {
  readonly id: string
  /** The store key of a text, always the same one. */
  encode(text: string): Key
  /** The reverse, where there is one; `undefined` for a store key that is a hash or not of this format. */
  decode(key: Key): string | undefined
}

/** Texts that {@link cacheKey} could have written, as far as their characters go. */
const CANONICAL = /^(?:[A-Za-z0-9\-_./@'+,;!$():=&]|%(?:[0-9A-F]{2}|uD[89A-F][0-9A-F]{2}|e))+$/
const ESCAPED_MARK = '~'

/**
 * Readable in `redis-cli`: a canonical text is its own store key, any other string is percent-escaped behind a `~`.
 * Neither holds a space, a control character, a glob or a `{`, so user data cannot choose a hash slot.
 */
export const urlEncoded: KeyFormat<string> = Object.freeze({
  id: 'url',
  encode: (text: string): string => (CANONICAL.test(text) ? text : ESCAPED_MARK + escapeText(text)),
  decode: (key: string): string | undefined => {
    if (!key.startsWith(ESCAPED_MARK)) return key
    return key.startsWith(HASH_MARK) ? undefined : unescapeSegment(key.slice(1))
  },
})

/** Binary and reversible: lengths instead of separators and escapes, so smaller where keys hold other than plain ASCII. */
export const compact: KeyFormat<Uint8Array> = Object.freeze({
  id: 'compact',
  encode: (text: string): Uint8Array => packKey(text, parseKeyText(text)),
  decode: unpackKey,
})

/** Begins a hashed key; no other store key of {@link urlEncoded} does, since it escapes every `~` of the text. */
const HASH_MARK = '~~'
const HASH_BYTE = 0xff

/**
 * Bounds the length of store keys: what `format` writes stays when it is short enough, and becomes its SHA-256 when not.
 *
 * @param options - `maxBytes`: longest store key that stays, in bytes. Default 1,024; from 64.
 * @throws {@link CacheError} `INVALID_OPTION` when `maxBytes` is not a whole number of 64 or more.
 */
export function hashed<Key extends StoreKey>(
  format: KeyFormat<Key>,
  options: { readonly maxBytes?: number | undefined } = {},
): KeyFormat<Key> {
  const maxBytes = wholeNumber('maxBytes', options.maxBytes ?? 1_024, { min: 64 })
  return Object.freeze({
    id: format.id,
    encode(text: string): Key {
      const key = format.encode(text)
      return key.length <= maxBytes ? key : digest(key)
    },
    decode(key: Key): string | undefined {
      const isHash = typeof key === 'string' ? key.startsWith(HASH_MARK) : key[0] === HASH_BYTE
      return isHash ? undefined : format.decode(key)
    },
  })
}

function digest<Key extends StoreKey>(key: Key): Key {
  const hash = createHash('sha256').update(key)
  if (typeof key === 'string') return (HASH_MARK + hash.digest('base64url')) as Key
  return Uint8Array.from([HASH_BYTE, ...hash.digest()]) as Key
}
