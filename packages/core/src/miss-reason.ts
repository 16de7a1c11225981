/** Why stored bytes were not used. Each is a miss to the caller, and counted. */
export type DropReason =
  /** Not an envelope: another program's value. */
  | 'foreign'
  /** An envelope cut short, or with bytes behind its end. */
  | 'truncated'
  /** The checksum does not fit: bytes changed since they were written. */
  | 'corrupt'
  /** Written by a later version; who reads this must not overwrite it. */
  | 'newer-version'
  /** Written by an earlier version that this one does not read. */
  | 'older-version'
  /** The bytes of another key. */
  | 'wrong-key'
  /** Not a value but a marker that somebody is filling this key. */
  | 'leased'
  | 'unknown-format'
  | 'unknown-compressor'
  /** Decompression failed, or gave another length than declared. */
  | 'decompress-failed'
  | 'decode-failed'
  /** Declares more than the limit allows. */
  | 'too-large'
  /** Vouched for by another server, or by this one before it lost its memory. */
  | 'other-epoch'
  /** Neither the envelope nor the store tells how old the value is. */
  | 'unknown-age'

/**
 * Why a read found nothing to serve. `untrusted`: there was a copy, but the tier may not vouch for it now. `invalidated`: the
 * reader refused it, since something it belongs to has changed.
 */
export type MissReason = 'absent' | 'expired' | 'untrusted' | 'invalidated' | DropReason
