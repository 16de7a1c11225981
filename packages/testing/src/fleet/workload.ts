import type { Random } from '../contract/random.ts'
import { between, randomFor, shuffled } from './seeds.ts'

/** What a caller of a fleet does: the writing ones change the source first, and then do to the cache what they are named after. */
export type FleetOperation =
  | 'read-strong'
  | 'read-bounded'
  | 'read-many-strong'
  | 'read-many-bounded'
  | 'invalidate'
  | 'invalidate-tag'
  | 'set'
  | 'expire'

/** How often each operation is chosen, in relation to the others. */
export type FleetMix = Readonly<Record<FleetOperation, number>>

export const DEFAULT_MIX: FleetMix = {
  'read-strong': 32,
  'read-bounded': 46,
  'read-many-strong': 5,
  'read-many-bounded': 5,
  invalidate: 5,
  'invalidate-tag': 2,
  set: 3,
  expire: 2,
}

/** One thing that a caller does. */
export interface FleetStep {
  readonly operation: FleetOperation
  /** Large whole numbers: which of the keys that are possible then, by their remainder. */
  readonly picks: readonly number[]
  /** What the caller waits before the next. */
  readonly pauseMs: number
}

/** Which caller of which life of which instance, and what is drawn for it. */
export interface StepsOptions {
  readonly seed: number
  readonly instance: number
  readonly caller: number
  /** How often the instance was started before. */
  readonly life: number
  readonly mix: FleetMix
  readonly maxPauseMs: number
}

const LARGE = 2 ** 30

/**
 * All that one caller does, without an end.
 *
 * @yields one thing after the other.
 */
export function* stepsOf(options: StepsOptions): Generator<FleetStep, never> {
  const { seed, instance, caller, life, mix, maxPauseMs } = options
  const random = randomFor(seed, 'steps', instance, caller, life)
  for (;;) {
    const operation = drawOperation(random, mix)
    const count = operation.startsWith('read-many') ? between(random, 2, 6) : 1
    const picks = Array.from({ length: count }, () => random(LARGE))
    // A third of the calls follow at once: haste finds other races than leisure.
    const pauseMs = random(3) === 0 ? 0 : random(maxPauseMs + 1)
    yield { operation, picks, pauseMs }
  }
}

function drawOperation(random: Random, mix: FleetMix): FleetOperation {
  const entries = Object.entries(mix) as [FleetOperation, number][]
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
  let left = random(LARGE) * (total / LARGE)
  for (const [operation, weight] of entries) {
    if (left < weight) return operation
    left -= weight
  }
  return 'read-strong'
}

/** From this moment on only these keys are written; the others rest, so that what stays old in a cache is seen to stay. */
export interface WriteWindow {
  /** In ms since the start of the run. */
  readonly fromMs: number
  /** Indexes of keys. */
  readonly keys: readonly number[]
}

/** What windows are drawn for. */
export interface WindowOptions {
  readonly seed: number
  readonly keys: number
  /** When writing ends altogether. */
  readonly untilMs: number
}

/** Draws which keys are written when: a third of them at a time, of which one at least may be written by everybody. */
export function planWindows({ seed, keys, untilMs }: WindowOptions): WriteWindow[] {
  const random = randomFor(seed, 'windows')
  const all = Array.from({ length: keys }, (_, index) => index)
  const windows: WriteWindow[] = []
  for (let fromMs = 0; fromMs < untilMs; fromMs += between(random, 800, 2_000)) {
    const common = random(sharedKeys(keys))
    const others = shuffled(random, all).slice(0, Math.floor(keys / 3))
    windows.push({ fromMs, keys: [...new Set([common, ...others])] })
  }
  return [...windows, { fromMs: untilMs, keys: [] }]
}

/** So many keys, the first ones, are written by every instance. */
export function sharedKeys(keys: number): number {
  return keys - Math.floor(keys / 4)
}

/** Who alone writes a key that is not shared, so that what it sets is in order. */
export function ownerOf(key: number, instances: number): number {
  return key % instances
}
