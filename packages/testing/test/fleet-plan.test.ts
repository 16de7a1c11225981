import { FLEET_FAULTS, type FleetFault, type FleetPlan, planFleet, runFleet } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

/** What one plan decides, with the beginning of what each caller does. */
function decided(plan: FleetPlan): unknown {
  const steps = [0, 1, 2, 3].flatMap((instance) =>
    [0, 7].flatMap((caller) => [0, 1].map((life) => first(plan, instance, caller, life))),
  )
  const { steps: _steps, ...rest } = plan
  return { ...rest, callers: steps }
}

function first(plan: FleetPlan, instance: number, caller: number, life?: number): unknown[] {
  const steps: unknown[] = []
  for (const step of plan.steps(instance, caller, life)) {
    steps.push(step)
    if (steps.length === 50) break
  }
  return steps
}

describe('planFleet', () => {
  it('draws the same faults and the same calls for the same seed', () => {
    expect(decided(planFleet({ seed: 42 }))).toEqual(decided(planFleet({ seed: 42 })))
  })

  it('draws others for another seed, caller, instance and life', () => {
    const plan = planFleet({ seed: 42 })
    expect(decided(planFleet({ seed: 43 }))).not.toEqual(decided(plan))
    const same = first(plan, 0, 0, 0)
    expect(first(plan, 0, 1, 0)).not.toEqual(same)
    expect(first(plan, 1, 0, 0)).not.toEqual(same)
    expect(first(plan, 0, 0, 1)).not.toEqual(same)
  })

  it('draws the same calls whatever faults there are', () => {
    const faultless = planFleet({ seed: 42, faults: [] })
    expect(faultless.faults).toEqual([])
    expect(first(faultless, 0, 0)).toEqual(first(planFleet({ seed: 42 }), 0, 0))
  })

  it('has every fault its turn when there is time', () => {
    const { faults, clockOffsetsMs } = planFleet({ seed: 1, duration: '60s' })
    const names = new Set(faults.map(({ name }) => name))
    expect([...names].toSorted()).toEqual(
      FLEET_FAULTS.filter((name) => name !== 'jump-clock').toSorted(),
    )
    expect(clockOffsetsMs.some((offset) => offset !== 0)).toBe(true)
  })

  it('keeps to the faults that are asked for', () => {
    const { faults, clockOffsetsMs } = planFleet({ seed: 1, faults: ['jitter'] })
    expect(new Set(faults.map(({ name }) => name))).toEqual(new Set(['jitter']))
    expect(clockOffsetsMs).toEqual([0, 0, 0, 0])
  })

  it('has at most three at once, one on each thing, and ends them in time', () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const { faults, windows } = planFleet({ seed, duration: '20s' })
      for (const fault of faults) {
        expect(endOf(fault)).toBeLessThanOrEqual(17_000)
        const meanwhile = faults.filter(({ at, ...other }) => {
          return at <= fault.at && endOf({ at, ...other }) > fault.at
        })
        expect(meanwhile.length).toBeLessThanOrEqual(3)
      }
      expect(windows.at(-1)).toEqual({ fromMs: 17_000, keys: [] })
      for (const { keys } of windows.slice(0, -1)) {
        expect(new Set(keys).size).toBe(keys.length)
        expect(keys.some((key) => key < 12)).toBe(true)
      }
    }
  })

  it('refuses what it cannot plan', () => {
    for (const options of [
      { faults: ['fire'] },
      { instances: 0 },
      { duration: '0s' },
      { seed: -1 },
      { mix: { set: -1 } },
      { mix: { put: 1 } },
      { seeds: 1 },
    ])
      expect(() => planFleet(options as never)).toThrow(/must be|is not an option/)
  })
})

describe('runFleet', () => {
  it('refuses options that cannot be used, and a program that is not there', async () => {
    for (const options of [{}, { program: 1 }, { program: 'x', setting: 1 }])
      await expect(runFleet(options as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(runFleet({ program: 'not-there.js' })).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

function endOf({ at, forMs, lagMs = 0 }: FleetFault): number {
  return at + forMs + lagMs
}
