/**
 * A stamp leads every stored entry and is the key of its record in the order of ends, so that one finds the other.
 * Big endian, so that bytes sort like moments: ends at (6), written at (6), a number that tells equal ones apart (4).
 */
export const STAMP_BYTES = 16

/** The moment that stands for "no end"; sorts behind all others. */
const NO_END = 2 ** 48 - 1

/** @param expiresAt - Wall time in ms, `Infinity` for no end. */
export function makeStamp(expiresAt: number, writtenAt: number, serial: number): Buffer {
  const stamp = Buffer.allocUnsafe(STAMP_BYTES)
  stamp.writeUIntBE(moment(expiresAt), 0, 6)
  stamp.writeUIntBE(moment(writtenAt), 6, 6)
  stamp.writeUInt32BE(serial >>> 0, 12)
  return stamp
}

/** The least stamp of those that end at `expiresAt` or later, to begin a walk at. */
export function firstStampAt(expiresAt: number): Buffer {
  const stamp = Buffer.alloc(STAMP_BYTES)
  stamp.writeUIntBE(moment(expiresAt), 0, 6)
  return stamp
}

/** @returns `Infinity` for no end. */
export function endOf(stamp: Uint8Array): number {
  const at = readMoment(stamp, 0)
  return at === NO_END ? Number.POSITIVE_INFINITY : at
}

export function writtenAtOf(stamp: Uint8Array): number {
  return readMoment(stamp, 6)
}

function moment(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), NO_END)
}

function readMoment(stamp: Uint8Array, at: number): number {
  let value = 0
  for (let index = at; index < at + 6; index += 1) value = value * 256 + (stamp[index] as number)
  return value
}
