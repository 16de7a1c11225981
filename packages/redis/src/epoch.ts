import { envelopeId, hasEpoch, putEpoch, type StoreRead } from '@hitbox/core'
import type { Session } from './session.ts'

/** What is thought of entries that another server vouches for, or this one before it lost its memory. */
export type EpochPolicy = 'strict' | 'serve-stale' | 'ignore'

/** Tells of what was read whether the server that was asked vouches for it. One that does not say who it is vouches for everything. */
export function judged(read: StoreRead, session: Session, policy: EpochPolicy): StoreRead {
  const { epoch, epochText } = session.facts
  if (policy === 'ignore' || epochText === undefined || hasEpoch(read.bytes, epoch)) return read
  return { ...read, trust: policy === 'strict' ? 'none' : 'stale' }
}

/** Has the server that is written to vouch for an envelope, in its bytes. */
export function vouched(bytes: Uint8Array, session: Session): Uint8Array {
  if (envelopeId(bytes) !== undefined) putEpoch(bytes, session.facts.epoch)
  return bytes
}
