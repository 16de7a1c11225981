import type { CacheEvent } from '@hitbox/core'
import type { Outcome } from './ledger.ts'
import type { State } from './state/state.ts'

/** What the cache itself tells; `source` is its label, `key` the text of the key. */
export type RequestEvent =
  /** One call has its answer. */
  | {
      readonly type: 'call'
      readonly source: string
      readonly key: string
      readonly outcome: Outcome
      readonly collapsed: boolean
      readonly failed: boolean
      readonly durationMs: number
      readonly trace: readonly State[]
    }
  /** One load of one key. `refresh`: behind a caller who has been answered. */
  | {
      readonly type: 'load'
      readonly source: string
      readonly key: string
      readonly refresh: boolean
      readonly state: 'started' | 'done' | 'failed' | 'timed-out' | 'abandoned'
      readonly durationMs?: number | undefined
      readonly error?: unknown
    }
  /** An entry that a schema refused; `error` is what it says. */
  | {
      readonly type: 'refused'
      readonly source: string
      readonly key: string
      readonly error: unknown
    }

/** Everything a listener is told: what the cache does itself, and what happens between its tiers. */
export type HitboxEvent = CacheEvent | RequestEvent
/** Told of events while they happen, so it should be quick. What it throws becomes an event on the channel, and goes no further. */
export type HitboxListener = (event: HitboxEvent) => void
