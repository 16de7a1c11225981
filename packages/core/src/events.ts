import { type Channel, channel } from 'node:diagnostics_channel'
import type { CoherenceMode } from './coherence.ts'
import type { Operation } from './errors.ts'
import type { MissReason } from './miss-reason.ts'

/** Everything observable. `source` is the label (path) of the backend it happened in, `key` the text of the key. Names are stable: dashboards depend on them. */
export type CacheEvent =
  | { readonly type: 'hit'; readonly source: string; readonly key: string; readonly stale: boolean }
  | {
      readonly type: 'miss'
      readonly source: string
      readonly key: string
      readonly reason: MissReason
    }
  | {
      readonly type: 'write'
      readonly source: string
      readonly key: string
      readonly bytes: number | undefined
    }
  | {
      readonly type: 'delete'
      readonly source: string
      readonly key: string
      readonly count: number
    }
  | { readonly type: 'evict'; readonly source: string; readonly key: string }
  /** A copy made in an upper tier, or refused because the key changed meanwhile. */
  | {
      readonly type: 'refill'
      readonly source: string
      readonly key: string
      readonly done: boolean
    }
  /** A failure. The caller learns of it only where it changes the answer; `key` is absent when no one key is concerned. */
  | {
      readonly type: 'error'
      readonly source: string
      readonly key?: string | undefined
      readonly operation: Operation | 'refill' | 'offload' | 'close' | 'sweep'
      readonly error: unknown
    }
  | {
      readonly type: 'connection'
      readonly source: string
      readonly state: 'up' | 'down'
      readonly error?: unknown
    }
  /** How this process learns from now on what others change; `epoch`: whether the server tells whether it lost its memory. */
  | {
      readonly type: 'coherence'
      readonly source: string
      readonly mode: CoherenceMode
      readonly epoch: 'known' | 'unknown'
    }
  /** Copies in this process were dropped, since others have changed what they are of; without a key, all of them. */
  | { readonly type: 'invalidated'; readonly source: string; readonly key?: string | undefined }
  /** A change that was not acknowledged, and so is brought to the store before the key is read again: `kept`, then `delivered`; or `dropped`, when there are too many. */
  | {
      readonly type: 'undelivered'
      readonly source: string
      readonly key: string
      readonly state: 'kept' | 'delivered' | 'dropped'
    }
  | {
      readonly type: 'circuit'
      readonly source: string
      readonly state: 'closed' | 'open' | 'half-open'
    }
  | {
      readonly type: 'offload'
      readonly source: string
      readonly kind: string
      readonly key?: string | undefined
      readonly state: 'started' | 'completed' | 'failed' | 'timed-out' | 'deduplicated' | 'rejected'
      readonly durationMs?: number | undefined
    }

/** Told of events, in the order in which they happen, while they happen: it should be quick. What it throws becomes an event on the channel, and goes no further. */
export type CacheListener = (event: CacheEvent) => void

/** Name of the `node:diagnostics_channel` on which every event of the process is published. */
export const EVENT_CHANNEL = 'hitbox:cache'

// The one piece of module state: a handle that Node itself keeps one of per name.
const events: Channel = channel(EVENT_CHANNEL)

/**
 * Where a backend reports to: its own listeners and the channel. Ask {@link Reporter.active} first, so that an unobserved
 * cache builds no event.
 */
export class Reporter<Event extends { readonly source: string } = CacheEvent> {
  readonly #listeners: readonly ((event: Event) => void)[]

  constructor(...listeners: readonly (((event: Event) => void) | undefined)[]) {
    this.#listeners = listeners.filter((listener) => listener !== undefined)
  }

  /** Whether anybody listens. Asked before an event is built, so that one nobody wants costs nothing. */
  get active(): boolean {
    return this.#listeners.length > 0 || events.hasSubscribers
  }

  /** A reporter that tells one listener more. */
  with(listener: (event: Event) => void): Reporter<Event> {
    return new Reporter(...this.#listeners, listener)
  }

  /** Never throws: what a listener throws becomes an `error` event on the channel, once, and no more. */
  report(event: Event): void {
    if (events.hasSubscribers) events.publish(event)
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        if (!events.hasSubscribers) continue
        const { source } = event
        events.publish({ type: 'error', source, operation: 'offload', error } satisfies CacheEvent)
      }
    }
  }
}
