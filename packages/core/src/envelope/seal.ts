import { crc32 } from 'node:zlib'
import { CacheError } from '../errors.ts'
import {
  HEADER_BYTES,
  MAGIC_0,
  MAGIC_1,
  putMs,
  putU32,
  TAIL_BYTES,
  TRAILER_BYTES,
  VERSION,
} from './layout.ts'
import { writeTags } from './tags.ts'

/** What an envelope says of its payload. */
export interface EnvelopeFacts {
  /** Text of the key the value belongs to. */
  readonly key: string
  readonly formatId: string
  readonly compressorId: string
  /** Length of the payload before compression. */
  readonly rawLength: number
  /** Left of the lifetime now, in ms. */
  readonly ttlMs: number
  /** Left until stale now, in ms. */
  readonly freshMs: number
  /** Now by the store's own time, in ms; `undefined` when this process does not know it. */
  readonly writtenAt?: number | undefined
  /** How long ago the value was made, in ms. */
  readonly ageMs?: number | undefined
  /** Left until the value is to be served only in need, in ms. */
  readonly usableMs?: number | undefined
  readonly loadMs?: number | undefined
  readonly tags?: Readonly<Record<string, string>> | undefined
}

const utf8 = new TextEncoder()
const NO_TAGS = new Uint8Array()
const MOST_TAG_BYTES = 2 ** 16 - 1

/**
 * Puts a payload into an envelope.
 *
 * @throws {@link CacheError} `TOO_LARGE` when the tags take more than 65,535 bytes as JSON.
 */
export function sealEnvelope(facts: EnvelopeFacts, payload: Uint8Array): Uint8Array {
  // Most keys are ASCII, and are then written directly: an encoder call costs as much as the rest of this.
  const key = isAscii(facts.key) ? facts.key : utf8.encode(facts.key)
  const { formatId, compressorId, loadMs } = facts
  const tags = facts.tags === undefined ? NO_TAGS : writeTags(facts.tags)
  if (tags.length > MOST_TAG_BYTES) throw tooManyTags(tags.length)
  const tagsAt = HEADER_BYTES + formatId.length + compressorId.length
  const payloadAt = tagsAt + tags.length + key.length
  const end = payloadAt + payload.length
  const bytes = new Uint8Array(end + TRAILER_BYTES + TAIL_BYTES)
  bytes[0] = MAGIC_0
  bytes[1] = MAGIC_1
  bytes[2] = VERSION
  putU32(bytes, 4, key.length)
  putU32(bytes, 8, facts.rawLength)
  putU32(bytes, 12, payload.length)
  putMs(bytes, 16, facts.ttlMs)
  putMs(bytes, 22, facts.freshMs)
  putMs(bytes, 28, facts.writtenAt)
  putMs(bytes, 34, facts.ageMs)
  putMs(bytes, 40, facts.usableMs)
  putU32(bytes, 46, loadMs === undefined ? 0 : Math.min(Math.round(loadMs) + 1, 2 ** 32 - 1))
  bytes[50] = tags.length
  bytes[51] = tags.length >>> 8
  bytes[52] = formatId.length
  bytes[53] = compressorId.length
  putAscii(bytes, HEADER_BYTES, formatId)
  putAscii(bytes, HEADER_BYTES + formatId.length, compressorId)
  bytes.set(tags, tagsAt)
  if (typeof key === 'string') putAscii(bytes, payloadAt - key.length, key)
  else bytes.set(key, payloadAt - key.length)
  bytes.set(payload, payloadAt)
  putU32(bytes, end, crc32(bytes.subarray(0, end)))
  return bytes
}

function tooManyTags(bytes: number): CacheError<'TOO_LARGE'> {
  const message = `the tags of a value take ${bytes} bytes, more than the limit of ${MOST_TAG_BYTES}`
  return new CacheError('TOO_LARGE', message, { details: { bytes, maxBytes: MOST_TAG_BYTES } })
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1)
    if (text.charCodeAt(index) > 127) return false
  return true
}

function putAscii(bytes: Uint8Array, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) bytes[at + index] = text.charCodeAt(index)
}
