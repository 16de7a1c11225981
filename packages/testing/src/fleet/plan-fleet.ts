import { planClocks, planFaults } from './fault-plan.ts'
import type { FleetFault } from './fleet-fault.ts'
import { type FleetPlanOptions, type ResolvedPlanOptions, resolvePlanOptions } from './options.ts'
import { type FleetStep, planWindows, stepsOf, type WriteWindow } from './workload.ts'

/** What a run does, as far as it is decided beforehand. */
export interface FleetPlan {
  readonly seed: number
  readonly faults: readonly FleetFault[]
  readonly windows: readonly WriteWindow[]
  /** Of each instance. */
  readonly clockOffsetsMs: readonly number[]
  /** What a caller does, in its order and without an end; `life` counts the starts of the instance, from 0. */
  readonly steps: (instance: number, caller: number, life?: number) => Iterable<FleetStep>
}

/**
 * Draws what {@link runFleet} would do with the same options: the same seed gives the same faults at the same times and the
 * same calls in the same order. How calls of different callers interleave is up to the machine.
 *
 * @throws {@link CacheError} `INVALID_OPTION` for an option that cannot be used.
 */
export function planFleet(options: FleetPlanOptions = {}): FleetPlan {
  return drawPlan(resolvePlanOptions(options))
}

export function drawPlan(options: ResolvedPlanOptions): FleetPlan {
  const { seed, faults, instances, keys, durationMs, mix, maxPauseMs } = options
  // At the end all is whole and nobody writes: what is still wrong then stays wrong.
  const calmFromMs = Math.round(durationMs - Math.min(3_000, durationMs / 5))
  const drift = faults.includes('jump-clock')
  return {
    seed,
    faults: planFaults({ seed, faults, instances, healedByMs: calmFromMs }),
    windows: planWindows({ seed, keys, untilMs: calmFromMs }),
    clockOffsetsMs: drift
      ? planClocks(seed, instances)
      : Array.from({ length: instances }, () => 0),
    steps: (instance, caller, life = 0) =>
      stepsOf({ seed, instance, caller, life, mix, maxPauseMs }),
  }
}
