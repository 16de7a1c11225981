import type { ValueMeta } from '../value.ts'
import type { EnvelopeFacts } from './seal.ts'

/** Moments as lengths of time, for an envelope that is written now. */
export function metaFacts(
  meta: ValueMeta | undefined,
  now: number,
): Pick<EnvelopeFacts, 'ageMs' | 'usableMs' | 'loadMs' | 'tags'> | undefined {
  if (meta === undefined) return undefined
  const { madeAt, usableUntil, loadMs, tags } = meta
  return {
    ageMs: madeAt === undefined ? undefined : Math.max(0, now - madeAt),
    usableMs: usableUntil === undefined ? undefined : Math.max(0, usableUntil - now),
    loadMs,
    tags,
  }
}
