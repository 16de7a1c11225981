import {
  CacheError,
  type CacheListener,
  type Clock,
  type Format,
  invalidOption,
  knownOptions,
  oneOf,
  systemClock,
  toLabel,
  wholeNumber,
} from '@hitbox/core'
import { EVICTION_POLICIES, type EvictionPolicy } from './eviction/policies.ts'

/** Tells how many bytes an entry counts for: a whole number of 1 or more. Called once per `set`, so it should be cheap. */
export type SizeOf = (data: unknown, key: string) => number

/** Options that every memory backend takes. */
export interface MemoryOptions {
  /** @defaultValue `'memory'` */
  readonly label?: string | undefined
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Told everything that happens here. @defaultValue none */
  readonly onEvent?: CacheListener | undefined
  /**
   * Which entry goes when room is needed: at most some 5,000 steps to find it, whatever the policy. The README has hit ratios.
   *
   * `s3-fifo`: what is asked for once passes through a tenth of the room and pushes out little else. The best or nearly the best on most
   * traces. Costs most per new entry: it remembers keys that went, in two bytes each, and takes four bytes more per entry.
   * (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023)
   *
   * `sieve`: as good where the same keys stay popular, at no more cost than `lru`; slow to follow when what is asked for changes.
   * (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024)
   *
   * `lru`: what was used least recently. The best for a cache that holds most of what is asked for while that moves on; a walk over many keys
   * empties it of all else.
   *
   * @defaultValue `'s3-fifo'`
   */
  readonly eviction?: EvictionPolicy | undefined
}

/** Bounded by a number of entries. */
export interface MemoryByEntries extends MemoryOptions {
  /** Most entries to hold, 1 to 10,000,000; {@link MemoryOptions.eviction} says what goes to make room. No room is taken before it is used. */
  readonly maxEntries: number
  readonly maxBytes?: undefined
  readonly sizeOf?: undefined
  /**
   * `shared`: every reader gets the very object that was set. `frozen`: the same, and it was frozen in depth when it was set.
   * @defaultValue `'shared'`
   */
  readonly values?: 'shared' | 'frozen' | undefined
  readonly valueFormat?: undefined
}

/** Bounded by what the entries weigh, and by a number of entries too if wanted. */
export interface MemoryByBytes extends MemoryOptions {
  /** Most bytes to hold, by the count of `sizeOf`; {@link MemoryOptions.eviction} says what goes to make room. An entry larger than this is refused with `TOO_LARGE`. */
  readonly maxBytes: number
  readonly sizeOf: SizeOf
  /** As in {@link MemoryByEntries}. @defaultValue 10,000,000 */
  readonly maxEntries?: number | undefined
  /** As in {@link MemoryByEntries}. @defaultValue `'shared'` */
  readonly values?: 'shared' | 'frozen' | undefined
  readonly valueFormat?: undefined
}

/** Values kept as bytes: every reader gets a copy of its own. Bounded by entries, by bytes, or by both. */
export type MemoryEncoded = MemoryOptions & {
  readonly values: 'encoded'
  readonly valueFormat: Format
  readonly sizeOf?: undefined
} & (
    | { readonly maxEntries: number; readonly maxBytes?: number | undefined }
    /** An entry counts for its bytes and the characters of its key. */
    | { readonly maxBytes: number; readonly maxEntries?: number | undefined }
  )

/** At least one bound is required: there is no safe default. */
export type MemoryBackendOptions = MemoryByEntries | MemoryByBytes | MemoryEncoded

/** Every option present and checked. */
export interface ResolvedOptions {
  readonly maxEntries: number
  readonly maxBytes: number | undefined
  readonly sizeOf: SizeOf | undefined
  readonly frozen: boolean
  /** Set exactly when values are kept encoded. */
  readonly format: Format | undefined
  readonly label: string
  readonly clock: Clock
  readonly onEvent: CacheListener | undefined
  readonly eviction: EvictionPolicy
}

const NAMES = [
  'maxEntries',
  'maxBytes',
  'sizeOf',
  'values',
  'valueFormat',
  'eviction',
  'label',
  'clock',
  'onEvent',
] as const

/** More than a `Map` can hold is near, and no bound in practice. */
const MOST_ENTRIES = 10_000_000

export function resolveOptions(options: MemoryBackendOptions): ResolvedOptions {
  knownOptions('memoryBackend', options, NAMES)
  const { maxEntries, maxBytes, sizeOf, valueFormat, onEvent } = options
  const { clock = systemClock, eviction = 's3-fifo' } = options
  const values = oneOf('values', options.values ?? 'shared', ['shared', 'frozen', 'encoded'])
  if (maxEntries === undefined && maxBytes === undefined) {
    throw missing('maxEntries', 'set "maxEntries" or "maxBytes": a memory backend needs a bound')
  }
  if (maxEntries !== undefined) {
    wholeNumber('maxEntries', maxEntries, { min: 1, max: MOST_ENTRIES })
  }
  if (maxBytes !== undefined) wholeNumber('maxBytes', maxBytes, { min: 1 })
  checkSizeOf(values, maxBytes, sizeOf)
  return Object.freeze({
    maxEntries: maxEntries ?? MOST_ENTRIES,
    maxBytes,
    sizeOf,
    frozen: values === 'frozen',
    format: formatFor(values, valueFormat),
    label: toLabel(options.label ?? 'memory'),
    clock: checkedClock(clock),
    onEvent: checkedListener(onEvent),
    eviction: oneOf('eviction', eviction, EVICTION_POLICIES),
  })
}

function checkSizeOf(values: string, maxBytes: number | undefined, sizeOf: unknown): void {
  const needed = maxBytes !== undefined && values !== 'encoded'
  if (needed && typeof sizeOf !== 'function') {
    throw invalidOption('sizeOf', `a function when "maxBytes" bounds ${values} values`, sizeOf)
  }
  if (needed || sizeOf === undefined) return
  const why = maxBytes === undefined ? 'without "maxBytes"' : 'for encoded values, which are bytes'
  throw invalidOption('sizeOf', `left out ${why}`, sizeOf)
}

function formatFor(values: string, format: Format | undefined): Format | undefined {
  if (values !== 'encoded') {
    if (format === undefined) return undefined
    throw invalidOption('valueFormat', 'left out unless "values" is \'encoded\'', format)
  }
  const usable = typeof format?.encode === 'function' && typeof format.decode === 'function'
  if (usable) return format
  throw invalidOption('valueFormat', 'a format when "values" is \'encoded\'', format)
}

function checkedClock(clock: Clock): Clock {
  const usable = typeof clock?.now === 'function' && typeof clock.setTimeout === 'function'
  if (usable && typeof clock.recent === 'function') return clock
  throw invalidOption('clock', 'a clock with now, recent and setTimeout', clock)
}

function checkedListener(onEvent: CacheListener | undefined): CacheListener | undefined {
  if (onEvent === undefined || typeof onEvent === 'function') return onEvent
  throw invalidOption('onEvent', 'a function', onEvent)
}

function missing(option: string, message: string): CacheError<'INVALID_OPTION'> {
  return new CacheError('INVALID_OPTION', message, { details: { option, value: undefined } })
}
