/**
 * The envelope: stored bytes that say what they are. Little endian.
 *
 * | at | bytes | what |
 * |---|---|---|
 * | 0 | 2 | magic `B7 48`; the first is no start of UTF-8 text |
 * | 2 | 1 | version |
 * | 3 | 1 | flags: 2 lease token instead of a value; the others are 0, and a reader that meets one is too old for it |
 * | 4 | 4 | key length |
 * | 8 | 4 | raw length: of the formatted value before compression |
 * | 12 | 4 | payload length |
 * | 16 | 6 | lifetime left when written, in ms; all ones for no end |
 * | 22 | 6 | freshness left when written, in ms; all ones for no end |
 * | 28 | 6 | when written, in ms of the store's own time; all ones when that was not known |
 * | 34 | 6 | age of the value when written, in ms; all ones when unknown |
 * | 40 | 6 | usable for when written, in ms; all ones for as long as it lives |
 * | 46 | 4 | what making the value cost, in ms plus one; 0 when unknown |
 * | 50 | 2 | length of the tags |
 * | 52 | 1 + 1 | length of the format's and of the compressor's id |
 * | 54 | | format id, compressor id, tags as JSON, key text in UTF-8, payload |
 * | crc | 4 | CRC-32 of all before |
 * | tail | 8 | epoch: which server, with which memory, vouches for it; zeros where the store has none |
 * | + 8 | 8 | token of who makes the value anew; zeros for nobody |
 * | + 16 | 14 | until when the token counts, by the server's time in ms, as decimal digits |
 * | + 30 | 1 | marks: 1 made stale in its place |
 *
 * The tail is the store's own, which changes it without a look at the rest. A lease on a key without a value is the first four bytes and a tail.
 */
export const HEADER_BYTES = 54
export const TRAILER_BYTES = 4
export const TAIL_BYTES = 31
export const MAGIC_0 = 0xb7
export const MAGIC_1 = 0x48
export const VERSION = 1

export const FLAG_LEASE = 2

/** Six bytes hold 8,900 years of milliseconds; the largest stands for "no end" or "not known". */
const ALL_ONES = 2 ** 48 - 1

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

export function getU32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  )
}

/** Writes whole milliseconds, rounded down; `undefined` and whatever does not fit is all ones. */
export function putMs(bytes: Uint8Array, at: number, value: number | undefined): void {
  const ms = value === undefined || value >= ALL_ONES ? ALL_ONES : Math.floor(value)
  putU32(bytes, at, ms >>> 0)
  const high = Math.floor(ms / 2 ** 32)
  bytes[at + 4] = high
  bytes[at + 5] = high >>> 8
}

/** The reverse of {@link putMs}: `Infinity` for all ones. */
export function getMs(bytes: Uint8Array, at: number): number {
  const ms =
    getU32(bytes, at) + ((bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8)) * 2 ** 32
  return ms === ALL_ONES ? Number.POSITIVE_INFINITY : ms
}
