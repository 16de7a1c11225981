import assert from 'node:assert/strict'
import { createContext } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase } from '../scene.ts'
import { dataOf, fill } from './batch-results.ts'
import { asAlone, fillKinds } from './explained.ts'

/** Group E, third part: a batch explains each of its keys. */
export const batchContextCases: readonly BackendCase[] = [
  backendCase({
    id: 'E17',
    title: 'says in the contexts of a batch what a read of each key says',
    why: 'who reads many at once must know as well why something is missing, and where the rest came from',
    async test(scene) {
      const kinds = await fillKinds(scene)
      const keys = ['none', 'fresh', 'stale', 'over', 'never', 'fresh', 'none', 'stale']
      const contexts = keys.map(() => createContext())
      const found = await scene.backend.getMany(keys, { contexts })
      assert.deepEqual(
        dataOf(found),
        keys.map((key) => kinds.get(key)),
      )
      for (const [index, context] of contexts.entries()) {
        await asAlone(scene, keys[index] as string, context)
      }
    },
  }),
  backendCase({
    id: 'E18',
    title: 'explains only the keys of a batch that have a context',
    why: 'to know of one key must not cost an explanation of all',
    async test(scene) {
      const { backend } = scene
      const keys = await fill(scene, 2)
      const asked = [...keys, 'none']
      const expected = ['of key 0', 'of key 1', undefined]
      for (const given of ['...', 'x..', '.x.', '..x', 'x.x', 'x', '', 'xxxxx']) {
        const contexts = Array.from(given, (each) => (each === 'x' ? createContext() : undefined))
        assert.deepEqual(dataOf(await backend.getMany(asked, { contexts })), expected)
        for (const [index, context] of contexts.entries()) {
          if (context === undefined) continue
          if (index < asked.length) await asAlone(scene, asked[index] as string, context)
          else assert.deepEqual(context, createContext())
        }
      }
    },
  }),
]
