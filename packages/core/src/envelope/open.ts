import { crc32 } from 'node:zlib'
import { identityCompressor } from '../compressor.ts'
import type { DropReason } from '../miss-reason.ts'
import {
  FLAG_LEASE,
  getMs,
  getU32,
  HEADER_BYTES,
  MAGIC_0,
  MAGIC_1,
  TAIL_BYTES,
  TRAILER_BYTES,
  VERSION,
} from './layout.ts'
import { readTags } from './tags.ts'
import { isMarkedStale } from './tail.ts'

/** An envelope whose checksum and key are right. */
export interface Envelope {
  readonly formatId: string
  readonly compressorId: string
  readonly rawLength: number
  readonly ttlMs: number
  readonly freshMs: number
  /** Moment of writing by the store's own time, in ms; `Infinity` when the writer did not know it. */
  readonly writtenAt: number
  /** Age of the value when it was written, in ms; `Infinity` when unknown. */
  readonly ageMs: number
  /** Left until served only in need when it was written, in ms; `Infinity` for as long as it lives. */
  readonly usableMs: number
  readonly loadMs: number | undefined
  readonly tags: Readonly<Record<string, string>> | undefined
  /** Tells it from other entries of its key. */
  readonly id: number
  /** Whether it was made stale in its place. */
  readonly markedStale: boolean
  /** A view on the bytes that were opened. */
  readonly payload: Uint8Array
}

const utf8 = new TextEncoder()
const LEAST_BYTES = HEADER_BYTES + TRAILER_BYTES + TAIL_BYTES
/** A lease alone. */
const LEASE_BYTES = 4 + TAIL_BYTES

/**
 * Reads an envelope, or tells why it is not to be used. Never throws, whatever the bytes; the checks go from the cheapest on,
 * and nothing is believed before the checksum but where it is.
 *
 * @param key - Text of the key that was asked for.
 */
export function openEnvelope(bytes: Uint8Array, key: string): Envelope | DropReason {
  if (bytes.length < 3 || bytes[0] !== MAGIC_0 || bytes[1] !== MAGIC_1) return 'foreign'
  const version = bytes[2] as number
  if (version !== VERSION) return version > VERSION ? 'newer-version' : 'older-version'
  if (bytes.length === LEASE_BYTES && bytes[3] === FLAG_LEASE) return 'leased'
  if (bytes.length < LEAST_BYTES) return 'truncated'
  const keyLength = getU32(bytes, 4)
  const payloadLength = getU32(bytes, 12)
  const tagsLength = (bytes[50] as number) | ((bytes[51] as number) << 8)
  const formatLength = bytes[52] as number
  const compressorLength = bytes[53] as number
  const tagsAt = HEADER_BYTES + formatLength + compressorLength
  const keyAt = tagsAt + tagsLength
  const payloadAt = keyAt + keyLength
  const end = payloadAt + payloadLength
  if (bytes.length !== end + TRAILER_BYTES + TAIL_BYTES) return 'truncated'
  if (crc32(bytes.subarray(0, end)) !== getU32(bytes, end)) return 'corrupt'
  if (bytes[3] !== 0) return 'newer-version'
  if (!holdsText(bytes, keyAt, keyLength, key)) return 'wrong-key'
  const loadMs = getU32(bytes, 46)
  const tags = tagsLength === 0 ? undefined : readTags(bytes, tagsAt, keyAt)
  if (tags === null) return 'decode-failed'
  return {
    formatId: ascii(bytes, HEADER_BYTES, formatLength),
    compressorId: ascii(bytes, HEADER_BYTES + formatLength, compressorLength),
    rawLength: getU32(bytes, 8),
    ttlMs: getMs(bytes, 16),
    freshMs: getMs(bytes, 22),
    writtenAt: getMs(bytes, 28),
    ageMs: getMs(bytes, 34),
    usableMs: getMs(bytes, 40),
    loadMs: loadMs === 0 ? undefined : loadMs - 1,
    tags,
    id: getU32(bytes, end),
    markedStale: isMarkedStale(bytes),
    payload: bytes.subarray(payloadAt, end),
  }
}

/** Whether bytes are long enough to be an envelope. */
export function tellsFormat(bytes: Uint8Array): boolean {
  return bytes.length >= LEAST_BYTES && bytes[0] === MAGIC_0
}

/** Format and compressor of an envelope, as in {@link Context.format}. */
export function formatOf(bytes: Uint8Array): string {
  const formatLength = bytes[52] as number
  const format = ascii(bytes, HEADER_BYTES, formatLength)
  return withCompressor(format, ascii(bytes, HEADER_BYTES + formatLength, bytes[53] as number))
}

/** Names a format and what compresses it, if anything does. */
export function withCompressor(format: string, compressor: string): string {
  return compressor === identityCompressor.id ? format : `${format}+${compressor}`
}

/** Whether bytes begin an envelope of this version that carries its moment of writing, so that a store need not ask for an age. */
export function tellsAge(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_BYTES && getMs(bytes, 28) !== Number.POSITIVE_INFINITY
}

function holdsText(bytes: Uint8Array, at: number, length: number, text: string): boolean {
  if (length === text.length) {
    let index = 0
    while (index < length && bytes[at + index] === text.charCodeAt(index)) index += 1
    return index === length
  }
  // Of another length in UTF-8 than in UTF-16: not plain ASCII, or another key.
  if (length < text.length) return false
  const expected = utf8.encode(text)
  return expected.length === length && expected.every((byte, index) => bytes[at + index] === byte)
}

function ascii(bytes: Uint8Array, at: number, length: number): string {
  let text = ''
  for (let index = at; index < at + length; index += 1)
    text += String.fromCharCode(bytes[index] as number)
  return text
}
