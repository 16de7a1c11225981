import { type Channel, channel } from 'node:diagnostics_channel'
import { type CacheEvent, EVENT_CHANNEL } from '@hitbox/core'
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

export type HitboxEvent = CacheEvent | RequestEvent
export type HitboxListener = (event: HitboxEvent) => void

// The one piece of module state: a handle that Node itself keeps one of per name.
const events: Channel = channel(EVENT_CHANNEL)

/** Where the cache reports to: its listener, and the channel that all backends publish on. */
export class Announcer {
  readonly #listener: HitboxListener | undefined

  constructor(listener: HitboxListener | undefined) {
    this.#listener = listener
  }

  /** Ask first, so that an unobserved cache builds no event. */
  get active(): boolean {
    return this.#listener !== undefined || events.hasSubscribers
  }

  /** Never throws: what a listener throws is told on the channel, once. */
  tell(event: HitboxEvent): void {
    if (events.hasSubscribers) events.publish(event)
    if (this.#listener === undefined) return
    try {
      this.#listener(event)
    } catch (error) {
      if (!events.hasSubscribers) return
      const { source } = event
      events.publish({ type: 'error', source, operation: 'offload', error } satisfies CacheEvent)
    }
  }
}
