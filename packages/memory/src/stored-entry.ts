import type { CacheValue, ValueMeta } from '@hitbox/core'

/**
 * An entry as it is kept, and given to readers: as small as it can be. A moment is a number of 16 bytes beside the object, so one that
 * is stale only when it ends has one number for both.
 */
export function storedEntry(
  data: unknown,
  { staleAt, expiresAt, meta }: CacheValue<unknown>,
): CacheValue<unknown> {
  if (meta !== undefined) return withMeta(data, staleAt, expiresAt, meta)
  return staleAt === expiresAt ? plain(data, expiresAt, expiresAt) : plain(data, staleAt, expiresAt)
}

/** Whether an entry is as `normalizeValue` would make it, which is one object fewer for each set. Nothing of the caller may run before it is stored. */
export function isNormal(value: CacheValue<unknown>): boolean {
  if (typeof value !== 'object' || value === null || value.meta !== undefined) return false
  const { staleAt, expiresAt } = value
  return typeof staleAt === 'number' && typeof expiresAt === 'number' && staleAt <= expiresAt
}

/**
 * V8 gives every object its own copy of a number in a field that has only ever held numbers, and lets objects share it in a field
 * that has held something else. So one entry has to hold something else, before there are others.
 */
export function letEntriesShareNumbers(): void {
  plain(undefined, undefined, undefined)
}

function plain(
  data: unknown,
  staleAt: number | undefined,
  expiresAt: number | undefined,
): CacheValue<unknown> {
  return { data, staleAt, expiresAt } as CacheValue<unknown>
}

function withMeta(
  data: unknown,
  staleAt: number,
  expiresAt: number,
  meta: ValueMeta,
): CacheValue<unknown> {
  return { data, staleAt, expiresAt, meta }
}
