import { type KeyFormat, openEnvelope, sealEnvelope, type StoreKey } from '@hitbox/core'

/**
 * Adds the moment of writing to an envelope that was sealed before this process knew the server's time, as the first ones are.
 * Gives the bytes back as they are when the text of the key, which the envelope repeats, cannot be told.
 */
export function stamp(
  bytes: Uint8Array,
  key: StoreKey,
  keyFormat: KeyFormat,
  writtenAt: number,
): Uint8Array {
  const text = keyFormat.decode(key)
  const envelope = text === undefined ? undefined : openEnvelope(bytes, text)
  if (text === undefined || envelope === undefined || typeof envelope === 'string') return bytes
  const { payload, ...facts } = envelope
  return sealEnvelope({ ...facts, key: text, writtenAt }, payload)
}
