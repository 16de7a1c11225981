import assert from 'node:assert/strict'
import type { ItemResult } from '@hitbox/core'
import { watchStrays } from '../../stray-errors.ts'
import { until } from '../../until.ts'
import type { BackendCase, FaultControls } from '../backend-subject.ts'
import { backendCase, fails, type Scene, settles } from '../scene.ts'

const FAILURES = ['BACKEND_FAILED', 'TIMEOUT', 'CIRCUIT_OPEN', 'OVERLOADED', 'BOTH_TIERS_FAILED']
/** A machine that is busy with other tests may be late by so much. */
const SLACK_MS = 1_500
const SECRET = 'a very private word'

/** Every operation, as something that must fail. A batch may do so as a whole or in each of its items. */
function operations(scene: Scene): readonly (() => Promise<unknown>)[] {
  const { backend } = scene
  const items = async (results: readonly ItemResult<unknown>[]): Promise<unknown> => {
    const failure = results.find((result) => !result.ok)
    if (failure === undefined) return results
    throw failure.error
  }
  const key = `key of ${SECRET}`
  const value = scene.entry(SECRET)
  return [
    async () => backend.get(key),
    async () => backend.set(key, value),
    async () => backend.delete(key),
    async () => items(await backend.getMany([key, 'k'])),
    async () => items(await backend.setMany([[key, value]])),
    async () => items(await backend.deleteMany([key, 'k'])),
  ]
}

async function inTime<T>(faults: FaultControls, operation: () => Promise<T>): Promise<T> {
  return settles(faults.deadlineMs + SLACK_MS, operation())
}

/** Breaks the server, runs the test, and mends the server whatever came. */
async function whileBroken(
  faults: FaultControls,
  how: Breakage,
  test: () => Promise<void>,
): Promise<void> {
  await faults[how]()
  try {
    await test()
  } finally {
    await (how === 'freeze' ? faults.thaw() : faults.restart())
  }
}

/** Waits until the backend, which was not touched, does its work again. */
async function recovers(scene: Scene): Promise<void> {
  const within = `${scene.use('faults').recoveryMs ?? 5_000}ms` as const
  const works = async (): Promise<boolean> => {
    await scene.backend.set('after', scene.entry('v'))
    return (await scene.backend.get('after'))?.data === 'v'
  }
  await until('the backend works again', works, { within, every: '20ms' })
}

type Breakage = 'freeze' | 'kill'

const broken = (how: Breakage, first: number, what: string): readonly BackendCase[] => {
  const id = (offset: number): string => `H0${first + offset}`
  return [
    backendCase({
      id: id(0),
      title: `fails every operation in time while the server is ${what}, and works again afterwards`,
      why: 'a cache that hangs takes the service with it, and a miss in place of a failure hides it',
      needs: ['faults'],
      async test(scene) {
        const faults = scene.use('faults')
        await scene.backend.set('before', scene.entry('v'))
        const before = scene.backend.stats().errors
        await whileBroken(faults, how, async () => {
          for (const operation of operations(scene)) {
            await inTime(faults, async () => {
              const { message } = (await fails(FAILURES, operation)) as Error
              assert.ok(!message.includes(SECRET), 'the message tells a key or a value')
            })
          }
          assert.ok(scene.backend.stats().errors > before, 'failures are not counted')
        })
        await recovers(scene)
      },
    }),
    backendCase({
      id: id(1),
      title: `settles 1,000 operations at once while the server is ${what}`,
      why: 'a queue that waits for a server to come back is memory that does not',
      needs: ['faults'],
      async test(scene) {
        const faults = scene.use('faults')
        await scene.backend.set('before', scene.entry('v'))
        await whileBroken(faults, how, () =>
          inTime(faults, async () => {
            const outcomes = await Promise.allSettled(
              Array.from({ length: 1_000 }, async (_, index) => scene.backend.get(`k${index}`)),
            )
            assert.ok(
              outcomes.every(({ status }) => status === 'rejected'),
              'some did not fail',
            )
          }),
        )
        await recovers(scene)
      },
    }),
    backendCase({
      id: id(2),
      title: `leaves no error unhandled while the server is ${what}`,
      why: 'an unhandled rejection or error event ends the process',
      needs: ['faults'],
      async test(scene) {
        const faults = scene.use('faults')
        const strays = watchStrays()
        try {
          await scene.backend.set('before', scene.entry('v'))
          await whileBroken(faults, how, async () => {
            const pending = operations(scene).map((operation) => operation())
            await inTime(faults, () => Promise.allSettled(pending))
          })
          await recovers(scene)
        } finally {
          assert.deepEqual(await strays.stop(), [])
        }
      },
    }),
    backendCase({
      id: id(3),
      title: `closes in time while the server is ${what}, with operations under way`,
      why: 'a deploy must not wait for a server that is gone',
      needs: ['faults'],
      async test(scene) {
        const faults = scene.use('faults')
        await scene.backend.set('before', scene.entry('v'))
        await whileBroken(faults, how, async () => {
          const pending = Promise.allSettled(operations(scene).map((operation) => operation()))
          await inTime(faults, () => scene.backend.close())
          await inTime(faults, () => pending)
          await fails('CLOSED', () => scene.backend.get('k'))
        })
      },
    }),
  ]
}

/** Group H, first part: what happens when the server does not answer. */
export const failureCases: readonly BackendCase[] = [
  ...broken('freeze', 1, 'frozen'),
  ...broken('kill', 5, 'dead'),
]
