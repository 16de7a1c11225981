import {
  getU32,
  MAGIC_0,
  MAGIC_1,
  TAIL_BYTES,
  TRAILER_BYTES,
  VERSION,
  FLAG_LEASE,
} from './layout.ts'

const EPOCH_BYTES = 8
const TOKEN_BYTES = 8
/** Behind the epoch, the token and the end of the lease. */
const MARKS_AT = TAIL_BYTES - 1
const STALE = 1

/** Whether bytes are long enough to have a tail, and of this version. */
function hasTail(bytes: Uint8Array): boolean {
  return (
    bytes.length >= TRAILER_BYTES + TAIL_BYTES &&
    bytes[0] === MAGIC_0 &&
    bytes[1] === MAGIC_1 &&
    bytes[2] === VERSION
  )
}

/** Tells entries of one key apart: the checksum. `undefined` for bytes that are no envelope of this version, or a lease. */
export function envelopeId(bytes: Uint8Array): number | undefined {
  if (!hasTail(bytes) || ((bytes[3] as number) & FLAG_LEASE) !== 0) return undefined
  return getU32(bytes, bytes.length - TAIL_BYTES - 4)
}

/** Writes into an envelope, in its place, who vouches for it. The checksum does not cover the tail. */
export function putEpoch(bytes: Uint8Array, epoch: Uint8Array): void {
  const at = bytes.length - TAIL_BYTES
  for (let index = 0; index < EPOCH_BYTES; index += 1) bytes[at + index] = epoch[index] as number
}

/** Whether this one vouches for the bytes. True for what is no envelope of this version: that is for others to judge. */
export function hasEpoch(bytes: Uint8Array, epoch: Uint8Array): boolean {
  if (!hasTail(bytes)) return true
  const at = bytes.length - TAIL_BYTES
  for (let index = 0; index < EPOCH_BYTES; index += 1) {
    if (bytes[at + index] !== epoch[index]) return false
  }
  return true
}

/** Whether an envelope was made stale in its place. */
export function isMarkedStale(bytes: Uint8Array): boolean {
  return ((bytes[bytes.length - TAIL_BYTES + MARKS_AT] as number) & STALE) !== 0
}

/** Whether somebody has, or had, a lease on the value in an envelope. */
export function hasLease(bytes: Uint8Array): boolean {
  if (!hasTail(bytes)) return false
  const at = bytes.length - TAIL_BYTES + EPOCH_BYTES
  for (let index = 0; index < TOKEN_BYTES; index += 1) if (bytes[at + index] !== 0) return true
  return false
}
