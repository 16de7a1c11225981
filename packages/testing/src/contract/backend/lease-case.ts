import assert from 'node:assert/strict'
import type { CacheBackend, CacheValue, Lease, LeaseAnswer, Leases } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase, type BackendCaseSpec, type Scene } from '../scene.ts'

/** Two backends on the same data, as two processes have them. */
export interface Two {
  readonly scene: Scene
  readonly mine: CacheBackend
  readonly theirs: CacheBackend
  readonly my: Leases
  readonly their: Leases
}

type LeaseSpec = Omit<BackendCaseSpec, 'test'> & { readonly test: (two: Two) => Promise<void> }

/** Makes a case of leases. */
export const leaseCase = ({ test, needs = [], ...spec }: LeaseSpec): BackendCase =>
  backendCase({
    ...spec,
    needs: ['leases', 'join', ...needs],
    async test(scene) {
      const { backend: mine } = scene
      const theirs = await scene.join()
      assert.ok(mine.leases && theirs.leases, 'there are no leases')
      await test({ scene, mine, theirs, my: mine.leases, their: theirs.leases })
    },
  })

/** Asserts that an answer is that. */
export async function granted(answer: LeaseAnswer | Promise<LeaseAnswer>): Promise<Lease> {
  const taken = await answer
  assert.equal(taken.is, 'granted')
  return taken.lease
}

/** {@inheritDoc granted} */
export async function held(answer: LeaseAnswer | Promise<LeaseAnswer>): Promise<number> {
  const taken = await answer
  assert.equal(taken.is, 'held')
  return taken.forMs
}

/** {@inheritDoc granted} */
export async function found(
  answer: LeaseAnswer | Promise<LeaseAnswer>,
): Promise<CacheValue<unknown>> {
  const taken = await answer
  assert.equal(taken.is, 'found')
  return taken.value
}

/** Asserts what both backends read; `undefined` for nothing. */
export async function bothHave({ mine, theirs }: Two, key: string, data: unknown): Promise<void> {
  for (const backend of [mine, theirs]) assert.equal((await backend.get(key))?.data, data)
}

/** What is in place of a value that is there; fails when there is none. */
export async function read(backend: CacheBackend, key: string): Promise<CacheValue<unknown>> {
  const value = await backend.get(key)
  assert.ok(value, 'the entry is missing')
  return value
}
