import {
  type CacheBackend,
  type CacheListener,
  type Clock,
  type DurationInput,
  invalidOption,
  knownOptions,
  type Offload,
  systemClock,
  toLabel,
  toTimeout,
  wholeNumber,
} from '@hitbox/core'
import { compose, type OffloadManager, offloadManager } from '@hitbox/composition'
import { memoryBackend } from '@hitbox/memory'
import type { Cache } from './cache.ts'
import { Engine } from './engine.ts'
import { Keyspace, toNamespace } from './keyspace.ts'
import type { HitboxListener } from './events.ts'
import { POLICY_OPTIONS, policyOf, type PolicyOptions } from './policy.ts'
import { Scope } from './versions/scope.ts'
import { TieredCache } from './tiered-cache.ts'

export interface CacheOptions<Value = unknown> extends PolicyOptions<Value> {
  /**
   * Where values are kept, the quick and small tier first. Several are composed with the defaults of `compose`; give one
   * composition of your own for others. Owned: closing the cache closes them (`borrowed` keeps one open).
   * @defaultValue memory of 10,000 entries
   */
  readonly tiers?: readonly CacheBackend[] | undefined
  /**
   * What the keys of this cache begin with in the tiers, for caches that share them: `shop` makes `user:42` into `shop::user:42`.
   * Tags and `clear` reach no further. @defaultValue none
   */
  readonly namespace?: string | undefined
  /** Goes into the keys: raise it when values change their shape, so that versions of a program do not read each other's. Whole number. @defaultValue 0: none */
  readonly version?: number | undefined
  /** How long any operation on the tiers is waited for; a net below the deadlines of the tiers themselves. @defaultValue `'2s'` */
  readonly tierTimeout?: DurationInput | undefined
  /** Name in events, errors and source paths. @defaultValue `'cache'`; the tiers are then `'tiers'` */
  readonly label?: string | undefined
  /** The clock that the tiers use too. @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Takes refreshes behind callers. Not closed here. @defaultValue one of its own, 100 at once and 1,000 waiting */
  readonly offload?: Offload | undefined
  /** Told what happens here and between the tiers; each tier tells its own listener what happens inside. @defaultValue none */
  readonly onEvent?: HitboxListener | undefined
}

const NAMES: readonly string[] = [
  ...POLICY_OPTIONS,
  'tiers',
  'namespace',
  'version',
  'tierTimeout',
  'label',
  'clock',
  'offload',
]

/**
 * Makes a cache.
 *
 * @example
 * ```ts
 * import { createCache } from 'hitbox'
 *
 * const cache = createCache({ ttl: '10m', staleAfter: '1m', staleIfError: '1h' })
 * const user = await cache.getOrLoad(['user', 42], async ({ signal }) => {
 *   const response = await fetch('https://example.org/users/42', { signal })
 *   return response.text()
 * })
 * console.log(user)
 * await cache.delete(['user', 42])
 * await cache.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or cannot be used.
 */
export function createCache<Value = unknown>(options: CacheOptions<Value> = {}): Cache<Value> {
  knownOptions('createCache', options, NAMES)
  const policy = policyOf(options)
  const clock = checkedClock(options.clock ?? systemClock)
  const { onEvent } = options
  const keyspace = Keyspace.root(
    options.namespace === undefined ? '' : toNamespace(options.namespace),
    wholeNumber('version', options.version ?? 0, { min: 0 }),
  )
  const label = toLabel(options.label ?? 'cache')
  const tierTimeoutMs = toTimeout(options.tierTimeout ?? '2s', 'tierTimeout')
  const own = options.offload === undefined ? ownOffload(label, clock, onEvent) : undefined
  const parts = options.tiers ?? [memoryBackend({ maxEntries: 10_000, clock })]
  const tiers = asOne(parts, options.label, clock, onEvent)
  const engine = new Engine({
    label,
    tiers,
    parts,
    policy,
    clock,
    offload: own ?? checkedOffload(options.offload),
    tierTimeoutMs,
    keyspace,
  })
  if (policy.tags.length > 0) engine.requireMeta('tags')
  return new TieredCache<Value>(engine, new Scope(keyspace), policy, own)
}

function asOne(
  parts: readonly CacheBackend[],
  label: string | undefined,
  clock: Clock,
  onEvent: CacheListener | undefined,
): CacheBackend {
  if (!Array.isArray(parts) || parts.length === 0) {
    throw invalidOption('tiers', 'a list of one or more backends', parts)
  }
  const [first, second, ...rest] = parts as readonly CacheBackend[]
  if (first !== undefined && second !== undefined) {
    return compose(first, second, ...rest, { label: label ?? 'tiers', clock, onEvent })
  }
  if (typeof first?.get === 'function' && typeof first.getMany === 'function') return first
  throw invalidOption('tiers', 'a list of one or more backends', parts)
}

function ownOffload(
  label: string,
  clock: Clock,
  onEvent: CacheListener | undefined,
): OffloadManager {
  return offloadManager({
    label: `${label.slice(0, 56)}-offload`,
    maxConcurrent: 100,
    maxQueued: 1_000,
    // Loads end by "hardTimeout" and stores by "tierTimeout", so this only tells of what should not be.
    timeout: '1h',
    onTimeout: 'warn',
    clock,
    onEvent,
  })
}

function checkedOffload(offload: Offload | undefined): Offload {
  if (typeof offload?.register === 'function') return offload
  throw invalidOption('offload', 'an offload, with register', offload)
}

function checkedClock(clock: Clock): Clock {
  const usable = typeof clock?.now === 'function' && typeof clock.setTimeout === 'function'
  if (usable && typeof clock.recent === 'function') return clock
  throw invalidOption('clock', 'a clock with now, recent and setTimeout', clock)
}
