import assert from 'node:assert/strict'
import { createContext } from '@hitbox/core'
import type { BackendCapability, BackendCase } from '../backend-subject.ts'
import { backendCase } from '../scene.ts'
import { fillKinds } from './explained.ts'

const FALSY: readonly (readonly [
  id: string,
  value: unknown,
  needs: readonly BackendCapability[],
])[] = [
  ['B02', undefined, ['structured']],
  ['B03', null, []],
  ['B04', 0, []],
  ['B05', false, []],
  ['B06', '', []],
]

/** Group B: a hit is a hit whatever the value, and a miss is nothing else. */
export const hitOrMissCases: readonly BackendCase[] = [
  backendCase({
    id: 'B01',
    title: 'answers undefined for a key that was never set',
    why: 'a miss is not an error, and not null',
    async test({ backend }) {
      assert.equal(await backend.get('never set'), undefined)
    },
  }),
  ...FALSY.map(([id, data, needs]) =>
    backendCase({
      id,
      title: `takes a stored ${data === '' ? "''" : String(data)} for a hit`,
      why: 'who stores the absence of something wants it found, not loaded again',
      needs,
      async test(scene) {
        await scene.backend.set('k', scene.entry(data))
        const found = await scene.backend.get('k')
        assert.ok(found, 'it is a miss')
        assert.equal(found.data, data)
        assert.equal((await scene.backend.delete('k')).status, 'deleted')
      },
    }),
  ),
  backendCase({
    id: 'B07',
    title: 'tells whether a delete found something',
    why: 'who deletes may want to know that nobody had it',
    async test(scene) {
      assert.deepEqual(await scene.backend.delete('k'), { status: 'missing', count: 0 })
      await scene.backend.set('k', scene.entry('v'))
      const { status, count } = await scene.backend.delete('k')
      assert.equal(status, 'deleted')
      assert.ok(count >= 1)
      assert.deepEqual(await scene.backend.delete('k'), { status: 'missing', count: 0 })
    },
  }),
  backendCase({
    id: 'B08',
    title: 'finds nothing after a delete, and something again after a write',
    why: 'a deleted value that comes back is the worst a cache can do',
    async test(scene) {
      await scene.backend.set('k', scene.entry('first'))
      await scene.backend.delete('k')
      await scene.lacks('k')
      await scene.backend.set('k', scene.entry('second'))
      await scene.has('k', 'second')
    },
  }),
  backendCase({
    id: 'B09',
    title: 'says in the context why there is nothing',
    why: 'a miss that nobody can explain is hard to mend',
    async test({ backend }) {
      const context = createContext()
      await backend.get('never set', { context })
      assert.equal(context.status, 'forward')
      assert.equal(context.source, 'upstream')
      assert.equal(context.missReason, 'absent')
    },
  }),
  backendCase({
    id: 'B10',
    title: 'says in the context where a hit came from, and how long it lives',
    why: 'headers, logs and the tier above are made from it',
    async test(scene) {
      const { backend, clock } = scene
      const context = createContext()
      await backend.get('k', { context })
      const value = scene.entry('v', 60_000)
      await backend.set('k', value)
      await backend.get('k', { context })
      assert.equal(context.status, 'hit')
      assert.equal(context.missReason, undefined)
      const path = `${context.source}.`
      assert.ok(
        path.startsWith(`${backend.label}.`),
        `${context.source} is not of ${backend.label}`,
      )
      scene.near(clock.now() + (context.ttlMs ?? Number.NaN), value.expiresAt)
    },
  }),
  backendCase({
    id: 'B11',
    title: 'serves a stale value until its end, and says that it is stale',
    why: 'stale is for the caller to judge; expired is not',
    async test(scene) {
      const { backend } = scene
      const value = scene.entry('v', 60_000, 0)
      await backend.set('k', value)
      const context = createContext()
      const found = await backend.get('k', { context })
      assert.equal(found?.data, 'v')
      assert.ok(found.staleAt <= scene.clock.now())
      assert.equal(context.status, 'stale')
    },
  }),
  backendCase({
    id: 'B12',
    title: 'says in the context that an entry is over or gone',
    why: 'a store may remove what is over by itself, but must not call it a hit',
    async test(scene) {
      const value = scene.entry('v', 120)
      await scene.backend.set('k', value)
      await scene.pass(value.expiresAt)
      const context = createContext()
      assert.equal(await scene.backend.get('k', { context }), undefined)
      assert.equal(context.status, 'forward')
      assert.ok(context.missReason === 'expired' || context.missReason === 'absent')
    },
  }),
  backendCase({
    id: 'B13',
    title: 'counts hits, misses, writes and deletes',
    why: 'a hit ratio is the first thing anybody asks for',
    async test(scene) {
      const { backend } = scene
      const before = backend.stats()
      await backend.set('a', scene.entry(1))
      await backend.setMany([
        ['b', scene.entry(2)],
        ['c', scene.entry(3)],
      ])
      await backend.get('a')
      await backend.get('none')
      await backend.getMany(['a', 'b', 'none', 'none'])
      await backend.delete('a')
      await backend.deleteMany(['b', 'none'])
      const after = backend.stats()
      const { dropped } = after
      assert.deepEqual(
        {
          hits: after.hits - before.hits,
          misses: after.misses - before.misses,
          writes: after.writes - before.writes,
          deletes: after.deletes - before.deletes,
          errors: after.errors - before.errors,
          dropped,
        },
        { hits: 3, misses: 3, writes: 3, deletes: 3, errors: 0, dropped: {} },
      )
    },
  }),
  backendCase({
    id: 'B14',
    title: 'has at once only what is fresh, as a read has it, and counts nothing else',
    why: 'who finds nothing at once asks again, and would be counted twice',
    async test(scene) {
      const { backend } = scene
      for (const [key, data] of await fillKinds(scene)) {
        const before = backend.stats()
        const found = backend.hit?.(key)
        const after = backend.stats()
        if (found === undefined) assert.deepEqual(after, before)
        else {
          assert.equal(found.data, data)
          assert.ok(found.staleAt > scene.clock.now(), 'it is stale')
          assert.deepEqual(after, { ...before, hits: before.hits + 1 })
        }
      }
    },
  }),
]
