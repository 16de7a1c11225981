import { type Clock, systemClock } from './clock.ts'
import { type DurationInput, toDuration } from './duration.ts'
import { invalidOption } from './options.ts'

/**
 * A stored value and the two moments that decide its life, on the {@link Clock} of the backend that takes or gives it.
 * `Infinity` is never. A `staleAt` after `expiresAt` counts as equal to it.
 */
export interface CacheValue<T> {
  readonly data: T
  /** From this moment on the value should be refreshed; it may still be served. */
  readonly staleAt: number
  /** From this moment on the value must not be served. */
  readonly expiresAt: number
  /** What travels with the value and no tier interprets. Stores of layout `raw` do not keep it. */
  readonly meta?: ValueMeta | undefined
}

/** Facts about a value for whoever made it; moments are on the same clock as those of the value. */
export interface ValueMeta {
  /** When the value was made. */
  readonly madeAt?: number | undefined
  /** From this moment on the value is to be served only because a new one could not be made. */
  readonly usableUntil?: number | undefined
  /** What it cost to make the value, in ms; for whoever decides how early to make it again. */
  readonly loadMs?: number | undefined
  /** By which the store that the value was read from tells it from other values of its key; for who wants to replace just this one. */
  readonly id?: number | undefined
  /** Versions of the tags of the value, as they were before it was made. At most 65,535 bytes as JSON. */
  readonly tags?: Readonly<Record<string, string>> | undefined
}

/** How far a value is through its life: `expiresAt <= now` is expired, else `staleAt <= now` is stale, else fresh. */
export type Freshness = 'fresh' | 'stale' | 'expired'

/**
 * How far a value is through its life.
 *
 * @param now - On the clock of the value.
 */
export function freshness(value: CacheValue<unknown>, now: number): Freshness {
  if (value.expiresAt <= now) return 'expired'
  return value.staleAt <= now ? 'stale' : 'fresh'
}

/** How long a value lives, counted from now. */
export interface Lifetime {
  /** Until the value must not be served. Spell out `forever` for no end. */
  readonly ttl: DurationInput
  /** Until it should be refreshed, counted from now like `ttl`. @defaultValue `ttl`: never stale while it lives */
  readonly staleAfter?: DurationInput | undefined
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/**
 * Makes an entry that begins its life now.
 *
 * @example
 * ```ts
 * import { cacheValue } from '@hitbox/core'
 *
 * export const entry = cacheValue({ name: 'Ada' }, { ttl: '10m', staleAfter: '1m' })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when a duration cannot be read.
 */
export function cacheValue<T>(data: T, lifetime: Lifetime): CacheValue<T> {
  const now = (lifetime.clock ?? systemClock).now()
  const expiresAt = now + toDuration(lifetime.ttl, 'ttl')
  const staleAfter = lifetime.staleAfter
  const staleAt = staleAfter === undefined ? expiresAt : now + toDuration(staleAfter, 'staleAfter')
  return { data, staleAt: Math.min(staleAt, expiresAt), expiresAt, meta: undefined }
}

/**
 * The entry as a backend keeps it: moments checked, `staleAt` not after `expiresAt`, one object shape.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when a moment is missing, `NaN` or no number.
 */
export function normalizeValue<T>(value: CacheValue<T>): CacheValue<T> {
  if (typeof value !== 'object' || value === null) {
    throw invalidOption('value', 'an entry { data, staleAt, expiresAt }', typeof value)
  }
  const { data, staleAt, expiresAt, meta } = value
  checkMoment('staleAt', staleAt)
  checkMoment('expiresAt', expiresAt)
  return { data, staleAt: staleAt < expiresAt ? staleAt : expiresAt, expiresAt, meta }
}

function checkMoment(option: string, moment: unknown): void {
  if (typeof moment === 'number' && !Number.isNaN(moment)) return
  throw invalidOption(option, 'a moment in milliseconds, or Infinity for never', moment)
}
