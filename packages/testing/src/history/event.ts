import { invalidOption, knownOptions, oneOf, wholeNumber } from '@hitbox/core'

/** What every event of a history says. */
interface HistoryMoment {
  /** Who called: one chain of calls of which each begins after the one before has ended, such as a request. */
  readonly caller: string
  readonly key: string
  /** Taken before the call, in ms on the one clock of all recorders; see {@link machineTime}. */
  readonly startedAt: number
  /** Taken after the call had settled, on the same clock. */
  readonly endedAt: number
}

/** A read that gave a value. Reads that failed prove nothing and are left out. */
export interface HistoryRead extends HistoryMoment {
  readonly type: 'read'
  /** Version of the source from which the value was made; 0 for nothing yet. */
  readonly version: number
  /** What the caller asked for: nothing older than any acknowledgement, or than those of `maxStaleMs` ago. */
  readonly demand: 'strong' | { readonly maxStaleMs: number }
}

/** An invalidation, or a `set` of a value that was made from `version`. */
export interface HistoryInvalidation extends HistoryMoment {
  readonly type: 'invalidate'
  /** What the source had reached before the call began. */
  readonly version: number
  /** Whether the call succeeded. One that failed, or whose end nobody knows, promises nothing. */
  readonly acknowledged: boolean
}

/** One call, as {@link checkHistory} takes it. */
export type HistoryEvent = HistoryRead | HistoryInvalidation

const COMMON = ['type', 'caller', 'key', 'startedAt', 'endedAt', 'version'] as const
const READ = new Set<string>([...COMMON, 'demand'])
const INVALIDATION = new Set<string>([...COMMON, 'acknowledged'])

/** @throws {@link CacheError} `INVALID_OPTION` when it is none, or one that cannot have happened. */
export function checkEvent(event: HistoryEvent): void {
  if (typeof event !== 'object' || event === null)
    throw invalidOption('history', 'a list of events', event)
  oneOf('type', event.type, ['read', 'invalidate'])
  for (const name in event) {
    const known = event.type === 'read' ? READ : INVALIDATION
    if (!known.has(name)) knownOptions(`an event of type '${event.type}'`, event, [...known])
  }
  if (typeof event.caller !== 'string') throw invalidOption('caller', 'a text', event.caller)
  if (typeof event.key !== 'string') throw invalidOption('key', 'a text', event.key)
  wholeNumber('version', event.version, { min: 0 })
  if (!Number.isFinite(event.startedAt))
    throw invalidOption('startedAt', 'a finite number of ms', event.startedAt)
  if (!(Number.isFinite(event.endedAt) && event.endedAt >= event.startedAt))
    throw invalidOption('endedAt', 'a finite number of ms, not before "startedAt"', event.endedAt)
  if (event.type === 'read') checkDemand(event.demand)
  else if (typeof event.acknowledged !== 'boolean')
    throw invalidOption('acknowledged', 'true or false', event.acknowledged)
}

function checkDemand(demand: HistoryRead['demand']): void {
  if (demand === 'strong') return
  const bound: unknown = demand?.maxStaleMs
  if (typeof bound === 'number' && bound >= 0) return
  throw invalidOption('demand', "'strong' or { maxStaleMs } of 0 or more", demand)
}
