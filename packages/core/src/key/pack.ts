import { type CacheKey, cacheKey, type KeyPart } from './cache-key.ts'
import { escapeText, unescapeSegment } from './escape.ts'

/** First byte of a packed key: what follows. */
const PARTS = 0
const TEXT = 1
const ESCAPED = 2

const utf8 = new TextEncoder()
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LONE_SURROGATE = /\p{Surrogate}/u

/** A key as bytes, from its text and, where the text is canonical, its parts. */
export function packKey(text: string, key: CacheKey | undefined): Uint8Array {
  if (LONE_SURROGATE.test(text) || (key !== undefined && hasLoneSurrogate(key))) {
    return Uint8Array.from([ESCAPED, ...utf8.encode(escapeText(text))])
  }
  if (key === undefined) return Uint8Array.from([TEXT, ...utf8.encode(text)])
  const out: number[] = [PARTS]
  putText(out, key.prefix)
  putNumber(out, key.version)
  for (const [name, value] of key.parts) {
    putText(out, name)
    // One more than the length, so that 0 is "no value" and an empty value is 1.
    if (value === null) putNumber(out, 0)
    else putText(out, value, 1)
  }
  return Uint8Array.from(out)
}

/** The text behind packed bytes, or `undefined` when {@link packKey} did not write them. */
export function unpackKey(bytes: Uint8Array): string | undefined {
  try {
    const rest = bytes.subarray(1)
    if (bytes[0] === TEXT) return strict.decode(rest)
    if (bytes[0] === ESCAPED) return unescapeSegment(strict.decode(rest))
    return bytes[0] === PARTS ? unpackParts(rest) : undefined
  } catch {
    return undefined // not UTF-8, cut off or an empty key: not ours
  }
}

function unpackParts(bytes: Uint8Array): string {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('cut off')
      value += (byte % 128) * scale
      if (byte < 128) return value
    }
  }
  const text = (length: number): string => {
    if (at + length > bytes.length) throw new RangeError('cut off')
    at += length
    return strict.decode(bytes.subarray(at - length, at))
  }
  const prefix = text(number())
  const version = number()
  const parts: KeyPart[] = []
  while (at < bytes.length) {
    const name = text(number())
    const length = number()
    parts.push([name, length === 0 ? null : text(length - 1)])
  }
  return cacheKey({ prefix, version, parts }).text
}

function putText(out: number[], text: string, extra = 0): void {
  const bytes = utf8.encode(text)
  putNumber(out, bytes.length + extra)
  for (const byte of bytes) out.push(byte)
}

function putNumber(out: number[], value: number): void {
  let rest = value
  while (rest >= 128) {
    out.push((rest % 128) + 128)
    rest = Math.floor(rest / 128)
  }
  out.push(rest)
}

function hasLoneSurrogate(key: CacheKey): boolean {
  return (
    LONE_SURROGATE.test(key.prefix) ||
    key.parts.some(([name, value]) => LONE_SURROGATE.test(name) || LONE_SURROGATE.test(value ?? ''))
  )
}
