import assert from 'node:assert/strict'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase, fails } from '../scene.ts'
import { dataOf, fill } from './batch-results.ts'

/** Group F: what can be emptied is empty then. */
export const clearingCases: readonly BackendCase[] = [
  backendCase({
    id: 'F01',
    title: 'drops everything at once, and takes entries again',
    why: 'who empties a cache has a reason not to see what was in it',
    needs: ['clear'],
    async test(scene) {
      const { backend } = scene
      const keys = await fill(scene, 100)
      const before = backend.stats()
      backend.clear?.()
      assert.deepEqual(backend.stats(), before)
      for (const key of keys) {
        assert.equal(backend.peek?.(key), undefined)
        await scene.lacks(key)
      }
      const left = dataOf(await backend.getMany(keys))
      assert.ok(left.every((data) => data === undefined))
      assert.equal((await backend.delete('key 0')).status, 'missing')
      await backend.set('key 0', scene.entry('new'))
      await scene.has('key 0', 'new')
    },
  }),
  backendCase({
    id: 'F02',
    title: 'has no way to drop everything when it says that it has none',
    why: 'who shares a store with others must not find a way to empty it for all of them by accident',
    async test({ backend, subject }) {
      const expected = typeof subject.capabilities.clear === 'string' ? 'undefined' : 'function'
      assert.equal(typeof backend.clear, expected)
    },
  }),
  backendCase({
    id: 'F03',
    title: 'brings nothing back that was read before everything was dropped',
    why: 'a copy that is made late would outlive what it was made of',
    needs: ['clear'],
    async test(scene) {
      const { backend } = scene
      for (let round = 0; round < 3; round += 1) {
        const keys = await fill(scene, 20)
        const reads = keys.slice(10).map(async (key) => backend.get(key))
        const batch = backend.getMany(keys)
        backend.clear?.()
        await Promise.all([...reads, batch])
        // What works behind answers has its turn.
        await new Promise((resolve) => setImmediate(resolve))
        for (const key of keys) await scene.lacks(key)
      }
    },
  }),
  backendCase({
    id: 'F04',
    title: 'refuses to drop everything once it is closed',
    why: 'as with every other operation, silence would hide a mistake',
    needs: ['clear'],
    async test({ backend }) {
      await backend.close()
      await fails('CLOSED', () => backend.clear?.())
    },
  }),
]
