import type { ValueMeta } from '../value.ts'
import type { EnvelopeFacts } from './seal.ts'

/** What a value without {@link ValueMeta} has of these. */
const NONE: Required<Pick<EnvelopeFacts, 'ageMs' | 'usableMs' | 'loadMs' | 'tags'>> = Object.freeze(
  {
    ageMs: undefined,
    usableMs: undefined,
    loadMs: undefined,
    tags: undefined,
  },
)

/** Moments as lengths of time, for an envelope that is written now. */
export function metaFacts(meta: ValueMeta | undefined, now: number): typeof NONE {
  if (meta === undefined) return NONE
  const { madeAt, usableUntil, loadMs, tags } = meta
  return {
    ageMs: madeAt === undefined ? undefined : Math.max(0, now - madeAt),
    usableMs: usableUntil === undefined ? undefined : Math.max(0, usableUntil - now),
    loadMs,
    tags,
  }
}
