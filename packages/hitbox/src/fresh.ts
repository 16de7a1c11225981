import { type DurationInput, invalidOption, toDuration } from '@hitbox/core'

/**
 * How new what a read gives must be, where other processes change what it reads:
 * - `'local'`: whatever this process has, however long it has heard nothing of the others.
 * - `{ maxStale }`: everything that was acknowledged longer ago than that is obeyed.
 * - `'barrier'`: everything that was acknowledged before the call is obeyed. Costs one short round trip, which all such reads of a tick share.
 * - a token of a change (see {@link Receipt}): that change is obeyed, and all before it. Costs the round trip only where it is not known already.
 *
 * Left out, the tiers' own bound holds: `maxStale` of the backend, a second by default.
 */
export type Fresh = 'local' | 'barrier' | { readonly maxStale: DurationInput } | (string & {})

/** What a change that was acknowledged answers with. */
export interface Receipt {
  /**
   * For {@link Fresh} of reads in other processes: they obey the change from then on. At most 4,000 characters of `A-Z a-z 0-9 . _ -`, so
   * it fits into a header.
   */
  readonly token: string
}

/** A demand of a read, as the cache uses it. */
export type Demand =
  | { readonly kind: 'local' | 'barrier' }
  | { readonly kind: 'maxStale'; readonly ms: number }
  | { readonly kind: 'token'; readonly token: string }

/** Whether this process can tell without a question, and without much ado, what obeys that. */
export function isQuick(demand: Demand | undefined): boolean {
  return demand === undefined || demand.kind === 'local'
}

const TOKEN = /^h1[A-Za-z0-9._-]{0,3998}$/

/** What a change answers with where nobody else needs to learn of it. */
export const NO_STAMP = 'h1'

/** @throws {@link CacheError} `INVALID_OPTION` when it is none. */
export function toDemand(fresh: unknown): Demand {
  if (fresh === 'local' || fresh === 'barrier') return { kind: fresh }
  if (typeof fresh === 'string' && TOKEN.test(fresh)) return { kind: 'token', token: fresh }
  const maxStale = (fresh as { readonly maxStale?: unknown } | null | undefined)?.maxStale
  if (typeof fresh === 'object' && maxStale !== undefined) {
    return { kind: 'maxStale', ms: toDuration(maxStale as DurationInput, 'fresh.maxStale') }
  }
  throw invalidOption('fresh', "'local', 'barrier', { maxStale } or a token of a change", fresh)
}
