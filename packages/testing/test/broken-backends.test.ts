import { type CacheBackend, liftBackend } from '@hitbox/core'
import {
  backendContract,
  type BackendSubject,
  casesFor,
  type ChaosBackend,
  chaosBackend,
  chaosStore,
  type Disturbance,
  manualClock,
} from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import {
  BATCH_DEFECTS,
  type Defect,
  ENTRY_DEFECTS,
  KEY_DEFECTS,
  OTHER_DEFECTS,
  TIME_DEFECTS,
} from './support/defects.ts'
import { MapStore } from './support/map-store.ts'
import { mapSubject } from './support/map-subject.ts'
import { SHARED_DEFECTS } from './support/shared-defects.ts'

const caseOf = (id: string): (typeof backendContract)[number] =>
  backendContract.find((promise) => promise.id === id)!

type Broken = (fault: () => Disturbance | undefined) => CacheBackend

/** The subject of a tier on a server that can break: `open` is told how to find out what it should do meanwhile. */
function breakable(whenBroken: Disturbance, open: Broken): BackendSubject {
  let fault: Disturbance | undefined
  const opened: CacheBackend[] = []
  const breaks = (): void => void (fault = whenBroken)
  const mends = (): void => {
    fault = undefined
    for (const backend of opened) if ('release' in backend) (backend as ChaosBackend).release()
  }
  const right = mapSubject()
  return {
    open() {
      const backend = open(() => fault)
      opened.push(backend)
      return backend
    },
    capabilities: {
      ...right.capabilities,
      faults: { freeze: breaks, thaw: mends, kill: breaks, restart: mends, deadlineMs: 10 },
    },
  }
}

const failing = (): BackendSubject =>
  breakable('fail', (fault) => {
    const clock = manualClock()
    return liftBackend(
      chaosStore(new MapStore(clock), () => fault()),
      { clock },
    )
  })

const hanging = (): BackendSubject =>
  breakable('hang', (fault) => {
    const clock = manualClock()
    return chaosBackend(liftBackend(new MapStore(clock), { clock }), () => fault())
  })

/** Answers that there is nothing when the server is gone. */
const hiding = (): BackendSubject =>
  breakable('fail', (fault) => {
    const clock = manualClock()
    class Hiding extends MapStore {
      override read(key: string): ReturnType<MapStore['read']> {
        return fault() ? undefined : super.read(key)
      }
    }
    return liftBackend(new Hiding(clock), { clock })
  })

const FAULT_CASES = ['H01', 'H02', 'H03', 'H04', 'H05', 'H06', 'H07', 'H08']

describe('backendContract on a store that fails at once while its server is broken', () => {
  const cases = casesFor(backendContract, failing())
  for (const promise of cases.filter(({ needs }) => needs.includes('faults'))) {
    it(`${promise.id} ${promise.title}`, () => promise.run(failing()))
  }
})

describe('backendContract', () => {
  const defects: readonly Defect[] = [
    ENTRY_DEFECTS,
    KEY_DEFECTS,
    TIME_DEFECTS,
    BATCH_DEFECTS,
    OTHER_DEFECTS,
    SHARED_DEFECTS,
    ['H01', 'H02', 'H05', 'H06'].map((id): Defect => ['a broken server is a miss', [id], hiding()]),
    FAULT_CASES.map((id): Defect => ['a broken server is waited for', [id], hanging()]),
  ].flat()

  describe.concurrent('notices that', () => {
    for (const [what, caughtBy, subject] of defects) {
      for (const id of caughtBy) {
        it(`${what} (${id})`, { timeout: 20_000 }, async () => {
          await expect(caseOf(id).run(subject)).rejects.toThrow()
        })
      }
    }
  })

  it('has a defect for every case', () => {
    const caught = new Set(defects.flatMap(([, caughtBy]) => caughtBy))
    const uncaught = backendContract.map(({ id }) => id).filter((id) => !caught.has(id))
    expect(uncaught).toEqual([])
  })
})
