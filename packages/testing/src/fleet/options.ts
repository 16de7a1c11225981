import { randomInt } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import {
  CacheError,
  type DurationInput,
  invalidOption,
  knownOptions,
  oneOf,
  toTimeout,
  wholeNumber,
} from '@hitbox/core'
import { FLEET_FAULTS } from './fault-plan.ts'
import type { FleetFaultName } from './fleet-fault.ts'
import { DEFAULT_MIX, type FleetMix, type FleetOperation } from './workload.ts'

/** What {@link planFleet} draws a plan for. */
export interface FleetPlanOptions {
  /** Everything that is drawn follows from it. @defaultValue a random one; it is in the report */
  readonly seed?: number | undefined
  /** How many processes. @defaultValue 4 */
  readonly instances?: number | undefined
  /** How many callers there are in each process, which call at the same time. @defaultValue 8 */
  readonly callers?: number | undefined
  /** Few, so that callers meet; the last quarter is written by one instance each. @defaultValue 16 */
  readonly keys?: number | undefined
  /** How long there are calls. In the last fifth, at most three seconds, nothing is broken or written. @defaultValue `'10s'` */
  readonly duration?: DurationInput | undefined
  /** What may happen, each as often; none for an empty list. @defaultValue all of {@link FLEET_FAULTS} */
  readonly faults?: readonly FleetFaultName[] | undefined
  /** How often each operation is chosen; those left out keep their weight, 0 is never. @defaultValue reads nine times of ten */
  readonly mix?: Partial<FleetMix> | undefined
  /** Longest pause of a caller between two calls; a third of the calls follow at once. @defaultValue `'8ms'` */
  readonly pause?: DurationInput | undefined
}

/** What {@link runFleet} runs. */
export interface FleetOptions extends FleetPlanOptions {
  /** Path or URL of a module that Node can run as it is, so JavaScript: it exports `start`, a {@link StartProgram}. */
  readonly program: string | URL
  /** For the program; what JSON can hold. @defaultValue none */
  readonly settings?: unknown
  /** How old bounded reads may be. @defaultValue `'1s'` */
  readonly maxStale?: DurationInput | undefined
  /** How long a call may take; those that take longer are errors `LATE`, after three times as long `ABANDONED`. @defaultValue `'2s'` */
  readonly deadline?: DurationInput | undefined
  /** How many violations the report keeps; all are counted. @defaultValue 100 */
  readonly maxViolations?: number | undefined
  /** Told of the seed, of faults and of what goes wrong, as it happens. @defaultValue nobody */
  readonly onProgress?: ((line: string) => void) | undefined
}

/** {@link FleetPlanOptions} without questions. */
export interface ResolvedPlanOptions {
  readonly seed: number
  readonly instances: number
  readonly callers: number
  readonly keys: number
  readonly durationMs: number
  readonly faults: readonly FleetFaultName[]
  readonly mix: FleetMix
  readonly maxPauseMs: number
}

/** {@link FleetOptions} without questions. */
export interface ResolvedFleetOptions extends ResolvedPlanOptions {
  readonly program: string
  /** As JSON. */
  readonly settings: string
  readonly maxStaleMs: number
  readonly deadlineMs: number
  readonly maxViolations: number
  readonly onProgress: (line: string) => void
}

const PLAN_NAMES: readonly (keyof FleetPlanOptions)[] = [
  'seed',
  'instances',
  'callers',
  'keys',
  'duration',
  'faults',
  'mix',
  'pause',
]
const NAMES: readonly (keyof FleetOptions)[] = [
  ...PLAN_NAMES,
  'program',
  'settings',
  'maxStale',
  'deadline',
  'maxViolations',
  'onProgress',
]

export function resolvePlanOptions(options: FleetPlanOptions): ResolvedPlanOptions {
  knownOptions('planFleet', options, PLAN_NAMES)
  return readPlan(options)
}

export function resolveFleetOptions(options: FleetOptions): ResolvedFleetOptions {
  knownOptions('runFleet', options, NAMES)
  const { program, settings, onProgress = () => {} } = options
  if (typeof program !== 'string' && !(program instanceof URL))
    throw invalidOption('program', 'the path of a module', program)
  if (typeof onProgress !== 'function') throw invalidOption('onProgress', 'a function', onProgress)
  return {
    ...readPlan(options),
    program: program instanceof URL ? fileURLToPath(program) : program,
    settings: asJson(settings),
    maxStaleMs: toTimeout(options.maxStale ?? '1s', 'maxStale'),
    deadlineMs: toTimeout(options.deadline ?? '2s', 'deadline'),
    maxViolations: wholeNumber('maxViolations', options.maxViolations ?? 100, { min: 0 }),
    onProgress,
  }
}

function readPlan(options: FleetPlanOptions): ResolvedPlanOptions {
  const { faults = FLEET_FAULTS } = options
  if (!Array.isArray(faults)) throw invalidOption('faults', 'a list of names', faults)
  return {
    seed: wholeNumber('seed', options.seed ?? randomInt(2 ** 31), { min: 0, max: 2 ** 32 - 1 }),
    instances: wholeNumber('instances', options.instances ?? 4, { min: 1, max: 64 }),
    callers: wholeNumber('callers', options.callers ?? 8, { min: 1, max: 1_000 }),
    keys: wholeNumber('keys', options.keys ?? 16, { min: 1, max: 100_000 }),
    durationMs: toTimeout(options.duration ?? '10s', 'duration'),
    faults: faults.map((name) => oneOf('faults', name, FLEET_FAULTS)),
    mix: readMix(options.mix),
    maxPauseMs: Math.ceil(toTimeout(options.pause ?? '8ms', 'pause')),
  }
}

function readMix(mix: Partial<FleetMix> = {}): FleetMix {
  knownOptions('mix', mix, Object.keys(DEFAULT_MIX))
  const read = { ...DEFAULT_MIX, ...mix }
  for (const name of Object.keys(read) as FleetOperation[]) {
    const weight = read[name]
    if (!(Number.isFinite(weight) && weight >= 0))
      throw invalidOption(`mix.${name}`, 'a number of 0 or more', weight)
  }
  return read
}

function asJson(settings: unknown): string {
  try {
    return JSON.stringify(settings ?? null)
  } catch (cause) {
    const details = { option: 'settings', value: undefined }
    throw new CacheError('INVALID_OPTION', '"settings" must be what JSON can hold', {
      details,
      cause,
    })
  }
}
