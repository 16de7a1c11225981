import type { StoreKey } from '@hitbox/core'

const SLOTS = 16_384

/** CRC-16/XMODEM of one byte each: the checksum by which Redis Cluster spreads keys. */
const TABLE: Uint16Array = /* @__PURE__ */ Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  return crc
})

const ASCII_LIMIT = 0x80

/** The slot of a key, 0 to 16,383. What stands in the first pair of braces decides alone, if anything stands there. */
export function keySlot(key: StoreKey): number {
  if (typeof key !== 'string') return crc16(tagOf(Buffer.from(key).toString('latin1'))) % SLOTS
  // Braces are what they are in any encoding, so the bytes of the part are the part of the bytes.
  const tag = tagOf(key)
  return (isAscii(tag) ? crc16(tag) : crc16(Buffer.from(tag).toString('latin1'))) % SLOTS
}

function tagOf(key: string): string {
  const open = key.indexOf('{')
  if (open === -1) return key
  const close = key.indexOf('}', open + 1)
  return close > open + 1 ? key.slice(open + 1, close) : key
}

function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) >= ASCII_LIMIT) return false
  return true
}

/** @param bytes - One character for each byte. */
function crc16(bytes: string): number {
  let crc = 0
  for (let at = 0; at < bytes.length; at += 1) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ bytes.charCodeAt(at)] as number)
  }
  return crc
}
