import { CacheError, cacheKey, type KeyFormat, type KeyPart, parseKeyText } from '@hitbox/core'

const PREFIX = '_prefix'
const VERSION = '_version'
const HIGHEST_VERSION = 2 ** 32 - 1
const LONE_SURROGATE = /\p{Surrogate}/u

/**
 * Store keys as the Rust framework writes them with its url-encoded format: `_prefix=user&_version=2&id=42`. For layout `hash` with
 * the json format, to share entries with it.
 *
 * Rust reads an empty value as none and takes `_prefix` and `_version` for its own. Keys that would mean something else there, and
 * strings that are no canonical key, are refused with `INVALID_KEY`.
 */
export const rustUrlEncoded: KeyFormat<string> = Object.freeze({
  id: 'rust-url',
  encode(text: string): string {
    const key = parseKeyText(text)
    if (key === undefined) throw invalidKey('a plain string is no key of the Rust framework')
    if (key.version > HIGHEST_VERSION) throw invalidKey('its version is larger than 32 bits')
    if (LONE_SURROGATE.test(key.prefix)) throw invalidKey('it has half a character')
    const pairs = key.parts.map((part) => checkPart(part))
    const head: [string, string][] = [
      [PREFIX, key.prefix],
      [VERSION, String(key.version)],
    ]
    return new URLSearchParams([...head, ...pairs]).toString()
  },
  decode(key: string): string | undefined {
    const [prefix, version, ...parts] = new URLSearchParams(key)
    if (prefix?.[0] !== PREFIX || version?.[0] !== VERSION || !/^\d{1,10}$/.test(version[1])) {
      return undefined
    }
    try {
      return cacheKey({
        prefix: prefix[1],
        version: Number(version[1]),
        parts: parts.map(([name, value]): KeyPart => [name, value === '' ? null : value]),
      }).text
    } catch {
      return undefined // an empty key
    }
  },
})

function checkPart([name, value]: KeyPart): [string, string] {
  if (name === PREFIX || name === VERSION) throw invalidKey(`a part is named ${name}`)
  if (value === '') throw invalidKey('a part has an empty value')
  if (LONE_SURROGATE.test(name) || (value !== null && LONE_SURROGATE.test(value))) {
    throw invalidKey('it has half a character')
  }
  return [name, value ?? '']
}

function invalidKey(reason: string): CacheError<'INVALID_KEY'> {
  const message = `this key cannot be used with rustUrlEncoded: ${reason}`
  return new CacheError('INVALID_KEY', message, { details: { reason } })
}
