import type { StoreKey } from '@hitbox/core'
import type { Word } from './session.ts'

/** A key or value as node-redis takes it, without a copy. */
export function word(value: StoreKey): Word {
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

/** Longer lives are endless: Redis refuses what its clock cannot hold, and an envelope does not tell them apart either. */
const ENDLESS_MS = 2 ** 48 - 1

/** A length of time in ms as a word, or `undefined` for one without end. */
export function msWord(ms: number): string | undefined {
  return ms < ENDLESS_MS ? String(Math.max(1, Math.ceil(ms))) : undefined
}
