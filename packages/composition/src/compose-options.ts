import {
  type CacheBackend,
  type CacheListener,
  type Clock,
  type DurationInput,
  invalidOption,
  knownOptions,
  type Offload,
  oneOf,
  systemClock,
  toDuration,
  toLabel,
} from '@hitbox/core'
import { checkBackend, isBackend } from './layer/layered-backend.ts'
import { type TierGuard, tierGuard } from './tier-guard.ts'

/** What becomes of the tiers that answer after the race is over: followed by the offload, or left to themselves. */
export type LoserPolicy = 'offload' | 'drop'

/** How tiers are asked for a value. A bare `'race'` offloads its losers. */
export type ReadPolicy =
  | 'sequential'
  | 'parallel'
  | 'race'
  | { readonly policy: 'race'; readonly losers?: LoserPolicy | undefined }

/** How tiers are given a value. A bare `'race'` offloads its losers. */
export type WritePolicy =
  | 'through'
  | 'sequential'
  | 'optimisticParallel'
  | 'race'
  | { readonly policy: 'race'; readonly losers?: LoserPolicy | undefined }

/** How a composition treats its tiers. Read once, by {@link compose}. */
export interface ComposeOptions {
  /** Name of the composition: first element of the source paths of its tiers. @defaultValue `'tiers'` */
  readonly label?: string | undefined
  /** @defaultValue `'sequential'` */
  readonly read?: ReadPolicy | undefined
  /** @defaultValue `'through'` */
  readonly write?: WritePolicy | undefined
  /** Whether a fresh value found below is copied into the tiers above that lacked it. @defaultValue `'always'` */
  readonly refill?: 'always' | 'never' | undefined
  /**
   * How long a copy may live in each tier at most, in the order of the tiers; `undefined` for as long as the value itself.
   * No tier keeps a copy longer than the tiers below it may, nor past the value's own end.
   * @defaultValue no bounds
   */
  readonly maxTtl?: readonly (DurationInput | undefined)[] | undefined
  /**
   * What a delete that failed in some tiers and not in all does. `tolerate` resolves, and the tiers that failed may go on
   * serving the old value.
   * @defaultValue `'reject'`
   */
  readonly onDeleteError?: 'reject' | 'tolerate' | undefined
  /** Takes refills of tiers that do not answer at once, and losers. Not closed here. @defaultValue one of its own */
  readonly offload?: Offload | undefined
  /** The clock that the tiers use too. @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Told what happens between the tiers; each tier tells its own listener what happens inside. @defaultValue none */
  readonly onEvent?: CacheListener | undefined
  /** Decides about copies in upper tiers. @defaultValue a {@link tierGuard} of its own */
  readonly guard?: TierGuard | undefined
}

export interface ResolvedOptions {
  readonly label: string
  readonly read: 'sequential' | 'parallel' | 'race'
  readonly readLosers: LoserPolicy
  readonly write: 'through' | 'sequential' | 'optimisticParallel' | 'race'
  readonly writeLosers: LoserPolicy
  readonly refill: 'always' | 'never'
  /** One per tier, in ms; never longer than that of a tier below. */
  readonly maxTtlMs: readonly number[]
  readonly onDeleteError: 'reject' | 'tolerate'
  readonly offload: Offload | undefined
  readonly clock: Clock
  readonly onEvent: CacheListener | undefined
  readonly guard: TierGuard
}

const NAMES: readonly (keyof ComposeOptions)[] = [
  'label',
  'read',
  'write',
  'refill',
  'maxTtl',
  'onDeleteError',
  'offload',
  'clock',
  'onEvent',
  'guard',
]
const READ = ['sequential', 'race', 'parallel'] as const
const WRITE = ['through', 'sequential', 'optimisticParallel', 'race'] as const

export function resolveOptions(options: ComposeOptions, tierCount: number): ResolvedOptions {
  knownOptions('compose', options, NAMES)
  const read = racePolicy('read', options.read ?? 'sequential', READ)
  const write = racePolicy('write', options.write ?? 'through', WRITE)
  return Object.freeze({
    label: toLabel(options.label ?? 'tiers'),
    read: read.policy,
    readLosers: read.losers,
    write: write.policy,
    writeLosers: write.losers,
    refill: oneOf('refill', options.refill ?? 'always', ['always', 'never']),
    maxTtlMs: maxTtls(options.maxTtl ?? [], tierCount),
    onDeleteError: oneOf('onDeleteError', options.onDeleteError ?? 'reject', [
      'reject',
      'tolerate',
    ]),
    offload: options.offload,
    clock: options.clock ?? systemClock,
    onEvent: options.onEvent,
    guard: options.guard ?? tierGuard(),
  })
}

/** Most tiers of one composition: reads keep one bit for each. */
const MAX_TIERS = 16

/** Tells the tiers from the options behind them, by shape. */
export function splitArguments(args: readonly (CacheBackend | ComposeOptions)[]): {
  readonly tiers: readonly CacheBackend[]
  readonly options: ComposeOptions
} {
  const last = args.at(-1)
  const named = last === undefined || isBackend(last) ? undefined : last
  const tiers = named === undefined ? args : args.slice(0, -1)
  if (tiers.length < 2 || tiers.length > MAX_TIERS) {
    throw invalidOption('tiers', `2 to ${MAX_TIERS} backends`, tiers.length)
  }
  const seen = new Set<unknown>()
  const checked = tiers.map((candidate, index) => {
    const option = `tier ${index + 1}`
    const tier = checkBackend(option, candidate)
    if (seen.has(tier)) {
      throw invalidOption(option, 'another backend than the tiers before it', tier)
    }
    seen.add(tier)
    return tier
  })
  return { tiers: checked, options: named ?? {} }
}

function racePolicy<const Word extends string>(
  option: string,
  value: Word | { readonly policy: 'race'; readonly losers?: LoserPolicy | undefined },
  words: readonly (Word | 'race')[],
): { readonly policy: Word | 'race'; readonly losers: LoserPolicy } {
  if (typeof value !== 'object' || value === null) {
    return { policy: oneOf(option, value, words), losers: 'offload' }
  }
  knownOptions(`the ${option} policy`, value, ['policy', 'losers'])
  return {
    policy: oneOf(`${option}.policy`, value.policy, ['race']),
    losers: oneOf(`${option}.losers`, value.losers ?? 'offload', ['offload', 'drop']),
  }
}

function maxTtls(given: readonly (DurationInput | undefined)[], tierCount: number): number[] {
  if (!Array.isArray(given) || given.length > tierCount) {
    throw invalidOption('maxTtl', `a list of at most one duration per tier (${tierCount})`, given)
  }
  const caps: number[] = []
  let below = Number.POSITIVE_INFINITY
  for (let tier = tierCount - 1; tier >= 0; tier -= 1) {
    const input: DurationInput | undefined = given[tier]
    const own = input === undefined ? below : toDuration(input, `maxTtl[${tier}]`)
    if (own <= 0) throw invalidOption(`maxTtl[${tier}]`, 'a length of time of more than 0', input)
    below = Math.min(own, below)
    caps[tier] = below
  }
  return caps
}
