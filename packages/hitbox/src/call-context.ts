import { type Context, createContext } from '@hitbox/core'
import type { State } from './state/state.ts'

/** How one call was answered: the facts of the tiers, and those of the cache above them, in the words of RFC 9211. */
export interface CallContext extends Context {
  /** Why the call was not answered from a tier; `undefined` where it was. `stale`: there was an old value that had to be replaced. */
  forward: 'miss' | 'stale' | 'bypass' | undefined
  /** Whether a load that another caller began gave the answer. */
  collapsed: boolean
  /** Whether the loaded value was stored; `undefined` while it is on its way (it is filled in later), and where nothing was loaded. */
  stored: boolean | undefined
  /** How long ago the value was made, in ms; `undefined` where the tier does not tell. */
  ageMs: number | undefined
  /** What it cost to make the value, in ms. */
  loadMs: number | undefined
  /** How long the call took, in ms. */
  durationMs: number
  /** The states the request went through, in their order. */
  trace: readonly State[]
}

/** A value and how it was come by. */
export interface Answer<T> {
  readonly value: T
  readonly context: CallContext
}

/** Not by a spread, whose objects take ten times as long to make and to fill. */
export function createCallContext(): CallContext {
  return Object.assign(createContext(), {
    forward: undefined,
    collapsed: false,
    stored: undefined,
    ageMs: undefined,
    loadMs: undefined,
    durationMs: 0,
    trace: [],
  })
}
