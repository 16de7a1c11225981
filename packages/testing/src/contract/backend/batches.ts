import assert from 'node:assert/strict'
import type { Entry } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { randomText } from '../random.ts'
import { backendCase } from '../scene.ts'
import { allWell, dataOf, fill } from './batch-results.ts'

/** Group E: a batch does what its parts would do, in the order of its keys. */
export const batchCases: readonly BackendCase[] = [
  backendCase({
    id: 'E01',
    title: 'answers in the order of the keys, with undefined for misses',
    why: 'the caller puts keys and answers together by their places',
    async test(scene) {
      await fill(scene, 3)
      const found = await scene.backend.getMany(['key 2', 'none', 'key 0', 'key 1', 'nothing'])
      assert.deepEqual(dataOf(found), ['of key 2', undefined, 'of key 0', 'of key 1', undefined])
    },
  }),
  backendCase({
    id: 'E02',
    title: 'answers for duplicates as often as they are asked for',
    why: 'to drop one moves all that follow',
    async test(scene) {
      await fill(scene, 2)
      const found = await scene.backend.getMany([
        'key 1',
        'key 0',
        'key 1',
        'none',
        'none',
        'key 1',
      ])
      assert.deepEqual(dataOf(found), [
        'of key 1',
        'of key 0',
        'of key 1',
        undefined,
        undefined,
        'of key 1',
      ])
    },
  }),
  backendCase({
    id: 'E03',
    title: 'takes a batch of nothing',
    why: 'some servers refuse a command without keys',
    async test({ backend }) {
      assert.deepEqual(await backend.getMany([]), [])
      assert.deepEqual(await backend.setMany([]), [])
      assert.deepEqual(await backend.deleteMany([]), [])
    },
  }),
  backendCase({
    id: 'E04',
    title: 'takes anything that can be iterated, once',
    why: 'keys come from maps, sets and generators too',
    async test(scene) {
      function* entries(): Generator<Entry> {
        for (const name of ['a', 'b', 'c']) yield [name, scene.entry(`of ${name}`)]
      }
      function* keys(): Generator<string> {
        yield* ['c', 'a']
      }
      allWell(await scene.backend.setMany(entries()), 3)
      assert.deepEqual(dataOf(await scene.backend.getMany(new Set(['b', 'none']))), [
        'of b',
        undefined,
      ])
      assert.deepEqual(dataOf(await scene.backend.getMany(keys())), ['of c', 'of a'])
      allWell(await scene.backend.deleteMany(keys()), 2)
      assert.deepEqual(dataOf(await scene.backend.getMany(['a', 'b', 'c'])), [
        undefined,
        'of b',
        undefined,
      ])
    },
  }),
  backendCase({
    id: 'E05',
    title: 'keeps the last of duplicates that are written',
    why: 'the order of a batch is the order in time',
    async test(scene) {
      const { backend } = scene
      const written = await backend.setMany([
        ['k', scene.entry('first')],
        ['other', scene.entry('other')],
        ['k', scene.entry(randomText(70_000))],
        ['k', scene.entry('last')],
      ])
      allWell(written, 4)
      await scene.has('k', 'last')
      await scene.has('other', 'other')
    },
  }),
  backendCase({
    id: 'E06',
    title: 'tells for each key whether a delete found something',
    why: 'a sum does not say which',
    async test(scene) {
      await fill(scene, 3)
      const results = await scene.backend.deleteMany(['key 0', 'none', 'key 2'])
      allWell(results, 3)
      const statuses = results.map((result) => (result.ok ? result.value.status : 'failed'))
      assert.deepEqual(statuses, ['deleted', 'missing', 'deleted'])
      assert.deepEqual(dataOf(await scene.backend.getMany(['key 0', 'key 1', 'key 2'])), [
        undefined,
        'of key 1',
        undefined,
      ])
    },
  }),
  backendCase({
    id: 'E07',
    title: 'deletes a key that is named twice',
    why: 'the second finds nothing, and that is no failure',
    async test(scene) {
      await fill(scene, 1)
      allWell(await scene.backend.deleteMany(['key 0', 'key 0']), 2)
      await scene.lacks('key 0')
    },
  }),
  backendCase({
    id: 'E08',
    title: 'gives each entry of a batch its own moments',
    why: 'one lifetime for all would be too short for one and too long for another',
    async test(scene) {
      const { backend } = scene
      const soon = scene.entry('soon', 150)
      const late = scene.entry('late', 60_000, 30_000)
      const never = { data: 'never', staleAt: Infinity, expiresAt: Infinity }
      allWell(
        await backend.setMany([
          ['s', soon],
          ['l', late],
          ['n', never],
        ]),
        3,
      )
      const found = await backend.getMany(['l', 'n'])
      const moments = found.map((result) => (result.ok ? result.value : undefined))
      scene.near(moments[0]?.staleAt, late.staleAt)
      scene.near(moments[0]?.expiresAt, late.expiresAt)
      scene.near(moments[1]?.expiresAt, Infinity)
      await scene.pass(soon.expiresAt)
      assert.deepEqual(dataOf(await backend.getMany(['s', 'l', 'none', 'n'])), [
        undefined,
        'late',
        undefined,
        'never',
      ])
    },
  }),
  backendCase({
    id: 'E09',
    title: 'removes what was there for an entry that is over already, and writes the others',
    why: 'a batch is no excuse to keep the old value',
    async test(scene) {
      const { backend } = scene
      await fill(scene, 2)
      const over = { data: 'over', staleAt: 0, expiresAt: 0 }
      allWell(
        await backend.setMany([
          ['key 0', over],
          ['key 1', scene.entry('new')],
        ]),
        2,
      )
      assert.deepEqual(dataOf(await backend.getMany(['key 0', 'key 1'])), [undefined, 'new'])
    },
  }),
]
