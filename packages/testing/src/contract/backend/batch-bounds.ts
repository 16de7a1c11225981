import assert from 'node:assert/strict'
import type { BackendCase } from '../backend-subject.ts'
import { randomText } from '../random.ts'
import { backendCase, fails } from '../scene.ts'
import { allWell, codeOf, dataOf, fill } from './batch-results.ts'

/** Group E, second part: batches that are large, wrong in part, or many. */
export const batchBoundCases: readonly BackendCase[] = [
  backendCase({
    id: 'E10',
    title: 'takes 5,000 keys at once',
    why: 'a batch must neither overflow a stack nor a buffer',
    async test(scene) {
      const keys = await fill(scene, 5_000)
      const expected = keys.map((key) => `of ${key}`)
      assert.deepEqual(dataOf(await scene.backend.getMany(keys)), expected)
      allWell(await scene.backend.deleteMany(keys), keys.length)
      const left = dataOf(await scene.backend.getMany(keys))
      assert.ok(left.every((data) => data === undefined))
    },
  }),
  backendCase({
    id: 'E11',
    title: 'keeps keys that are numbers in their order',
    why: 'a plain object in between would sort them',
    async test(scene) {
      const keys = ['10', '9', '1', '-1', '2', '01']
      allWell(await scene.backend.setMany(keys.map((key) => [key, scene.entry(`of ${key}`)])), 6)
      const found = dataOf(await scene.backend.getMany(keys))
      assert.deepEqual(
        found,
        keys.map((key) => `of ${key}`),
      )
    },
  }),
  backendCase({
    id: 'E12',
    title: 'lets one item that is too large fail alone',
    why: 'a batch that fails as a whole for one item punishes the others',
    needs: ['limit'],
    async test(scene) {
      const { backend } = scene
      const large = randomText(scene.use('limit') + 1)
      const results = await backend.setMany([
        ['a', scene.entry('a')],
        ['large', scene.entry(large)],
        ['b', scene.entry('b')],
      ])
      assert.deepEqual(results.map(codeOf), ['none', 'TOO_LARGE', 'none'])
      assert.deepEqual(dataOf(await backend.getMany(['a', 'large', 'b'])), ['a', undefined, 'b'])
    },
  }),
  backendCase({
    id: 'E13',
    title: 'lets one item that cannot be kept fail alone',
    why: 'a function in one value is no reason to lose the others',
    needs: ['copies'],
    async test(scene) {
      const { backend } = scene
      const results = await backend.setMany([
        ['a', scene.entry('a')],
        ['bad', scene.entry({ f: () => 1 })],
        ['b', scene.entry('b')],
      ])
      assert.deepEqual(
        results.map(({ ok }) => ok),
        [true, false, true],
      )
      assert.deepEqual(dataOf(await backend.getMany(['a', 'bad', 'b'])), ['a', undefined, 'b'])
    },
  }),
  backendCase({
    id: 'E14',
    title: 'refuses a batch with a key or a moment that is none, before it does anything',
    why: 'it is the caller who is wrong, and half a batch would hide it',
    async test(scene) {
      const { backend } = scene
      await fill(scene, 1)
      await fails('INVALID_KEY', () => backend.getMany(['key 0', '']))
      await fails('INVALID_KEY', () => backend.deleteMany(['key 0', '']))
      await fails('INVALID_KEY', () =>
        backend.setMany([
          ['key 0', scene.entry('new')],
          ['', scene.entry(1)],
        ]),
      )
      const never = { data: 1, staleAt: Number.NaN, expiresAt: Number.NaN }
      await fails('INVALID_OPTION', () =>
        backend.setMany([
          ['key 0', scene.entry('new')],
          ['k', never],
        ]),
      )
      await scene.has('key 0', 'of key 0')
    },
  }),
  backendCase({
    id: 'E15',
    title: 'takes several batches at a time',
    why: 'answers of one must not land in another',
    async test(scene) {
      const { backend } = scene
      await Promise.all(
        Array.from({ length: 20 }, async (_, batch) => {
          const keys = Array.from({ length: 20 }, (__, index) => `${batch}/${index}`)
          allWell(await backend.setMany(keys.map((key) => [key, scene.entry(key)])), 20)
          assert.deepEqual(dataOf(await backend.getMany(keys)), keys)
        }),
      )
    },
  }),
  backendCase({
    id: 'E16',
    title: 'reads a batch with the few commands it says',
    why: 'a batch that is a loop costs a round trip for each key',
    needs: ['commands'],
    async test(scene) {
      const { backend } = scene
      const meter = scene.use('commands')
      const keys = await fill(scene, 200)
      const before = await meter.count(backend)
      allWell(await backend.getMany(keys), 200)
      const sent = (await meter.count(backend)) - before
      assert.ok(sent > 0, 'the meter counts nothing')
      assert.ok(sent <= meter.perBatch, `200 keys took ${sent} commands`)
    },
  }),
]
