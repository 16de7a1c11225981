import { type CacheValue, createContext } from '@hitbox/core'
import { type Engine, settled } from '../engine.ts'
import type { Request } from './request.ts'

/** An old value that is to be made anew, and the request that met it. */
export interface Due {
  readonly request: Request
  readonly held: CacheValue<unknown>
}

/**
 * What lies below an old copy in the tier that all share. `made`: another process has made the value anew, and it is copied up on the way.
 * `newer`: an entry of a later version of this program, which must not be overwritten. `none`: neither, or nobody can tell.
 */
export type Below =
  | { readonly is: 'made'; readonly entry: CacheValue<unknown> }
  | { readonly is: 'newer' }
  | { readonly is: 'none' }

const NONE: Below = { is: 'none' }

/** How much later an entry must go stale to be another one: the same one, read twice, differs by what clocks cannot tell. */
const SAME_MS = 100

/** Asks below old copies before they are refreshed: one question for all, behind their callers. Never fails. */
export async function askBelow(engine: Engine, dues: readonly Due[]): Promise<readonly Below[]> {
  const { tiers, versions, clock } = engine
  const [first] = dues
  if (first === undefined || !versions.register.shared || tiers.lowest === undefined) {
    return dues.map(() => NONE)
  }
  const known = versions.acceptance(first.request.scope)
  const now = clock.now()
  // An upper tier must have a value that is fresh already only where that is what is refreshed early.
  const oldest = Math.min(...dues.map(({ held }) => held.staleAt)) + SAME_MS
  const accept = (entry: CacheValue<unknown>): boolean =>
    entry.staleAt > now && entry.staleAt > oldest && known(entry)
  const contexts = dues.map(() => createContext())
  const texts = dues.map(({ request }) => request.text)
  const outcome = await settled(() =>
    engine.inTime('read', tiers.getMany(texts, { contexts, accept })),
  )
  return dues.map(({ held }, index): Below => {
    const result = outcome.ok ? outcome.value[index] : undefined
    if (result?.ok !== true) return NONE
    const entry = result.value
    if (entry === undefined) {
      return contexts[index]?.missReason === 'newer-version' ? { is: 'newer' } : NONE
    }
    return entry.staleAt > held.staleAt + SAME_MS ? { is: 'made', entry } : NONE
  })
}
