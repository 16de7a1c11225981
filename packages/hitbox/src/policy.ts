import {
  type DurationInput,
  invalidOption,
  oneOf,
  toDuration,
  toTimeout,
  wholeNumber,
} from '@hitbox/core'
import { Reporter } from '@hitbox/core'
import type { HitboxEvent, HitboxListener } from './events.ts'
import { type Demand, type Fresh, isQuick, toDemand } from './fresh.ts'
import { tagName } from './keyspace.ts'
import type { StandardSchema } from './schema.ts'

/** What a value's life is measured in: a duration, or `0` for none at all. Spell out `forever` for no end. */
export type LifeInput = DurationInput | 0

/** How values live and are made. Given to the cache for all calls, and to a call for itself. */
export interface PolicyOptions<T = unknown> {
  /** How long a value may be served, counted from its making. Must be given for the cache or for the call. `0` stores nothing. */
  readonly ttl?: LifeInput | undefined
  /** When a value should be made anew, counted like `ttl` and before its end. @defaultValue never before `ttl` */
  readonly staleAfter?: LifeInput | undefined
  /**
   * What a read with a loader does between `staleAfter` and `ttl`. `offload` answers at once and refreshes behind; `revalidate`
   * waits for the new value and falls back to the old one; `return` answers and does not refresh.
   * @defaultValue `'offload'`
   */
  readonly stalePolicy?: 'return' | 'revalidate' | 'offload' | undefined
  /** How long past `ttl` a value is kept to be served when loading fails or is late. @defaultValue not at all */
  readonly staleIfError?: LifeInput | undefined
  /** How long a caller waits for a load when there is an old value to fall back to; the load goes on. @defaultValue to its end */
  readonly softTimeout?: DurationInput | undefined
  /** How long a load may take. Then its signal is aborted, its callers fail with `TIMEOUT`, and the key is free. @defaultValue `'30s'` */
  readonly hardTimeout?: DurationInput | undefined
  /** Loads of one key at once, 1 to 255. The first that succeeds answers all its callers; the others are aborted. @defaultValue 1 */
  readonly concurrency?: number | undefined
  /** Shortens each life by a random part of up to this share, 0 to 1, so that what was made together does not end together. @defaultValue 0 */
  readonly jitter?: number | undefined
  /**
   * Refreshes behind before a value goes stale, at random, the likelier the nearer the end and the longer the load took (XFetch).
   * 1 is the usual strength, more is earlier. @defaultValue 0: off
   */
  readonly earlyRefresh?: number | undefined
  /** `ttl` of `undefined` and `null`. @defaultValue `ttl` */
  readonly absenceTtl?: LifeInput | undefined
  /** How long a failed load fails further callers of its key without another try, doubled with each failure in a row up to 32 times. @defaultValue 0 */
  readonly errorTtl?: LifeInput | undefined
  /** How long an old value is served after a failed load before the next try, doubled likewise. @defaultValue `'1s'` */
  readonly retryAfter?: DurationInput | undefined
  /** Decides what may come out of tiers: what it refuses is a miss. Loaded values are not checked. @defaultValue anything */
  readonly schema?: StandardSchema<T> | undefined
  /**
   * What a read with a loader does when a tier failed and the others have nothing fresh. `load`: as if the value were missing.
   * `stale`: for a second after a failure, old values, also those kept by `staleIfError`, are served and not refreshed.
   * `fail`: reject with the failure, to spare the source.
   * @defaultValue `'load'`
   */
  readonly onBackendDown?: 'load' | 'stale' | 'fail' | undefined
  /** Which `AsyncLocalStorage` context loaders run in: the one the cache was made in, or that of the caller who began the load. @defaultValue `'cache'` */
  readonly asyncContext?: 'cache' | 'caller' | undefined
  /**
   * What values belong to, for {@link Namespace.invalidateTags}. Those of the cache, of the namespace, of the call and of the loader add up.
   * At most 256 a value, each a text that is not empty. @defaultValue none
   */
  readonly tags?: readonly string[] | undefined
  /** How new what a read gives must be, where others change it too. @defaultValue the bound of the tiers, `maxStale` */
  readonly fresh?: Fresh | undefined
  /** Told what happens to calls and loads, beside the listeners of the levels above. @defaultValue none */
  readonly onEvent?: HitboxListener | undefined
}

/** A policy as the cache uses it: everything present, in ms, one shape. */
export interface Policy {
  readonly ttlMs: number | undefined
  readonly staleAfterMs: number
  readonly stalePolicy: 'return' | 'revalidate' | 'offload'
  readonly staleIfErrorMs: number
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  readonly concurrency: number
  readonly jitter: number
  readonly earlyRefresh: number
  readonly absenceTtlMs: number | undefined
  readonly errorTtlMs: number
  readonly retryAfterMs: number
  readonly schema: StandardSchema | undefined
  readonly onBackendDown: 'load' | 'stale' | 'fail'
  readonly asyncContext: 'cache' | 'caller'
  readonly fresh: Demand | undefined
  /** Names of the versions of the tags. */
  readonly tags: readonly string[]
  readonly announcer: Reporter<HitboxEvent>
  /** Whether a fresh hit needs nothing but to be handed out. */
  readonly plain: boolean
}

export const POLICY_OPTIONS: readonly (keyof PolicyOptions)[] = [
  'ttl',
  'staleAfter',
  'stalePolicy',
  'staleIfError',
  'softTimeout',
  'hardTimeout',
  'concurrency',
  'jitter',
  'earlyRefresh',
  'absenceTtl',
  'errorTtl',
  'retryAfter',
  'schema',
  'onBackendDown',
  'asyncContext',
  'fresh',
  'tags',
  'onEvent',
]

const NEVER = Number.POSITIVE_INFINITY

const DEFAULTS: Policy = {
  ttlMs: undefined,
  staleAfterMs: NEVER,
  stalePolicy: 'offload',
  staleIfErrorMs: 0,
  softTimeoutMs: NEVER,
  hardTimeoutMs: 30_000,
  concurrency: 1,
  jitter: 0,
  earlyRefresh: 0,
  absenceTtlMs: undefined,
  errorTtlMs: 0,
  retryAfterMs: 1_000,
  schema: undefined,
  onBackendDown: 'load',
  asyncContext: 'cache',
  fresh: undefined,
  tags: [],
  announcer: new Reporter<HitboxEvent>(undefined),
  plain: true,
}

/**
 * Reads policy options over those of the level above. Names are checked by who calls.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when one cannot be used, or two that are given together contradict each other.
 */
export function policyOf(given: PolicyOptions, base: Policy = DEFAULTS): Policy {
  const schema = given.schema === undefined ? base.schema : checkedSchema(given.schema)
  const earlyRefresh = ratio('earlyRefresh', given.earlyRefresh, base.earlyRefresh, 1_000)
  const fresh = given.fresh === undefined ? base.fresh : toDemand(given.fresh)
  const policy: Policy = {
    ttlMs: life('ttl', given.ttl, base.ttlMs),
    staleAfterMs: life('staleAfter', given.staleAfter, base.staleAfterMs),
    stalePolicy: word('stalePolicy', given.stalePolicy, STALE, base.stalePolicy),
    staleIfErrorMs: life('staleIfError', given.staleIfError, base.staleIfErrorMs),
    softTimeoutMs: timeout('softTimeout', given.softTimeout, base.softTimeoutMs),
    hardTimeoutMs: timeout('hardTimeout', given.hardTimeout, base.hardTimeoutMs),
    concurrency:
      given.concurrency === undefined
        ? base.concurrency
        : wholeNumber('concurrency', given.concurrency, { min: 1, max: 255 }),
    jitter: ratio('jitter', given.jitter, base.jitter, 1),
    earlyRefresh,
    absenceTtlMs: life('absenceTtl', given.absenceTtl, base.absenceTtlMs),
    errorTtlMs: life('errorTtl', given.errorTtl, base.errorTtlMs),
    retryAfterMs: timeout('retryAfter', given.retryAfter, base.retryAfterMs),
    schema,
    onBackendDown: word('onBackendDown', given.onBackendDown, DOWN, base.onBackendDown),
    asyncContext: word('asyncContext', given.asyncContext, CONTEXTS, base.asyncContext),
    fresh,
    tags: withTags(base.tags, given.tags),
    announcer: given.onEvent === undefined ? base.announcer : joined(base.announcer, given.onEvent),
    plain: schema === undefined && earlyRefresh === 0 && isQuick(fresh),
  }
  if (given.staleAfter !== undefined && given.ttl !== undefined) {
    orderly('staleAfter', policy.staleAfterMs, 'ttl', policy.ttlMs ?? NEVER)
  }
  if (given.softTimeout !== undefined && given.hardTimeout !== undefined) {
    orderly('softTimeout', policy.softTimeoutMs, 'hardTimeout', policy.hardTimeoutMs)
  }
  return policy
}

/** @throws {@link CacheError} `INVALID_OPTION` naming "ttl" when neither the cache nor the call gave one. */
export function requireTtl(policy: Policy): void {
  if (policy.ttlMs !== undefined) return
  throw invalidOption(
    'ttl',
    'given for the cache or for the call (`forever` for no end)',
    undefined,
  )
}

const MOST_TAGS = 256

/** @throws {@link CacheError} `INVALID_OPTION` when one of them is no tag, or they are too many. */
export function withTags(
  names: readonly string[],
  tags: unknown,
  most: number = MOST_TAGS,
): readonly string[] {
  if (tags === undefined) return names
  if (!Array.isArray(tags)) throw invalidOption('tags', 'a list of texts', tags)
  const all = new Set(names)
  for (const tag of tags as readonly unknown[]) {
    if (typeof tag !== 'string' || tag === '') {
      throw invalidOption('tags', 'a list of texts that are not empty', tag)
    }
    all.add(tagName(tag))
  }
  if (all.size > most) throw invalidOption('tags', `at most ${most} a value`, all.size)
  return [...all]
}

function joined(above: Reporter<HitboxEvent>, listener: unknown): Reporter<HitboxEvent> {
  if (typeof listener !== 'function') throw invalidOption('onEvent', 'a function', listener)
  return above.with(listener as HitboxListener)
}

const STALE = ['return', 'revalidate', 'offload'] as const
const DOWN = ['load', 'stale', 'fail'] as const
const CONTEXTS = ['cache', 'caller'] as const

function life<Base extends number | undefined>(
  option: string,
  input: LifeInput | undefined,
  base: Base,
): number | Base {
  return input === undefined ? base : toDuration(input as DurationInput, option)
}

function timeout(option: string, input: DurationInput | undefined, base: number): number {
  return input === undefined ? base : toTimeout(input, option)
}

function word<const Word extends string>(
  option: string,
  input: Word | undefined,
  words: readonly Word[],
  base: Word,
): Word {
  return input === undefined ? base : oneOf(option, input, words)
}

function ratio(option: string, input: number | undefined, base: number, most: number): number {
  if (input === undefined) return base
  if (typeof input === 'number' && input >= 0 && input <= most) return input
  throw invalidOption(option, `a number from 0 to ${most}`, input)
}

function orderly(option: string, lesser: number, limit: string, greater: number): void {
  if (lesser > greater) throw invalidOption(option, `at most "${limit}"`, lesser)
}

function checkedSchema(schema: StandardSchema): StandardSchema {
  const standard: unknown = (schema as Partial<StandardSchema> | null)?.['~standard']
  if (typeof (standard as StandardSchema['~standard'] | undefined)?.validate === 'function') {
    return schema
  }
  throw invalidOption('schema', 'a Standard Schema, version 1', schema)
}
