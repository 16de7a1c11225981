import { join } from 'node:path'
import {
  describeFleet,
  expectNoLeaks,
  FLEET_FAULTS,
  type FleetOptions,
  type FleetReport,
  runFleet,
} from '@hitbox/testing'
import { beforeAll, describe, expect, it } from 'vitest'
import { built } from './support/built.ts'
import { bundledProgram } from './support/bundled.ts'

const program = (name: string): string =>
  join(import.meta.dirname, 'support', 'programs', `${name}.mjs`)

/** Runs a fleet and looks at its report; a failure tells the seed and all that happened. */
async function judged(options: FleetOptions, look: (report: FleetReport) => void): Promise<void> {
  const report = await runFleet(options)
  try {
    look(report)
  } catch (cause) {
    throw new Error(describeFleet(report), { cause })
  }
}

beforeAll(async () => {
  await built()
})

describe('a fleet without a cache', () => {
  it('is found innocent under all faults', async () => {
    await judged({ program: program('no-cache'), duration: '20s', seed: 7 }, (report) => {
      const { history, problems, faults, instances, calls } = report
      expect(history.violated).toEqual({ strong: 0, bounded: 0, session: 0 })
      expect(problems).toEqual([])
      expect(history.reads.strong).toBeGreaterThan(1_000)
      expect(history.reads.bounded).toBeGreaterThan(1_000)
      expect(history.invalidations.acknowledged).toBeGreaterThan(300)
      expect(new Set(faults.map(({ name }) => name)).size).toBe(FLEET_FAULTS.length - 1)
      // On a busy machine a replica may not have been in step; all else can be done.
      const skipped = faults.filter((fault) => fault.skipped !== undefined)
      expect(skipped.filter(({ name }) => name !== 'failover')).toEqual([])
      expect(instances).toHaveLength(4)
      expect(calls.close?.calls).toBe(4)
      for (const { stats } of instances) expect(stats['reads']).toBeGreaterThan(100)
    })
  })

  it('leaves nothing behind', async () => {
    await expectNoLeaks(
      () =>
        runFleet({ program: program('no-cache'), duration: '3s', faults: ['failover'], seed: 1 }),
      { within: '10s' },
    )
  })
})

describe('a program that fails', () => {
  it('says why it did not start, and leaves nothing behind', async () => {
    await expectNoLeaks(async () => {
      const options = { program: program('misbehaving'), settings: 'refuse', instances: 2 } as const
      await expect(runFleet(options)).rejects.toThrow('the program refuses to start')
    })
  })

  it('is reported when it crashes, and started again', async () => {
    await judged(
      {
        program: program('misbehaving'),
        settings: 'crash',
        instances: 2,
        duration: '2s',
        faults: [],
      },
      (report) => {
        expect(report.problems.join('\n')).toContain('the program crashes')
        for (const { starts } of report.instances) expect(starts).toBeGreaterThan(1)
      },
    )
  })

  it('is reported when it hangs, lies and stays', async () => {
    await judged(
      {
        program: program('misbehaving'),
        settings: 'linger',
        instances: 2,
        duration: '2s',
        deadline: '200ms',
        faults: [],
      },
      (report) => {
        expect(report.calls['read-strong']?.errors).toMatchObject({
          LATE: expect.any(Number) as number,
          ABANDONED: expect.any(Number) as number,
          NO_VERSION: expect.any(Number) as number,
          MINE: expect.any(Number) as number,
        })
        expect(report.problems.toSorted()).toEqual([
          'instance 0 was kept alive by its program after its close',
          'instance 1 was kept alive by its program after its close',
        ])
      },
    )
  })
})

describe('a cache with a map, a life and messages', () => {
  let pubsub: string

  beforeAll(async () => {
    pubsub = await bundledProgram('pubsub-program')
  })

  it('is found guilty when nothing is broken', async () => {
    await judged({ program: pubsub, duration: '6s', faults: [], seed: 3 }, (report) => {
      expect(report.problems).toEqual([])
      expect(report.history.violated.strong).toBeGreaterThan(0)
      expect(report.history.violated.bounded).toBeGreaterThan(0)
      expect(report.history.staleness.maxMs).toBeGreaterThan(1_000)
    })
  })

  it('is found guilty when messages are lost', async () => {
    const faults = ['stall-to-client', 'kill-connection', 'stop-instance', 'kill-redis'] as const
    await judged({ program: pubsub, duration: '8s', faults, seed: 3 }, (report) => {
      expect(report.history.violated.strong).toBeGreaterThan(0)
      expect(report.history.violated.bounded).toBeGreaterThan(0)
      expect(report.faults.length).toBeGreaterThan(3)
    })
  })
})
