import assert from 'node:assert/strict'
import { createContext } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { randomBytes, seeded } from '../random.ts'
import { backendCase, type Scene } from '../scene.ts'

/** At the end of an envelope: its store's own, which the checksum does not cover. */
const TAIL_BYTES = 31

const dropsOf = ({ backend }: Scene): number =>
  Object.values(backend.stats().dropped).reduce((sum, count) => sum + count, 0)

/** Stores something, puts bytes in its place, and asserts a miss that is counted and explained. */
async function drops(scene: Scene, change: (bytes: Uint8Array) => Uint8Array): Promise<void> {
  const { backend } = scene
  const raw = scene.use('raw')(backend)
  await backend.set('k', scene.entry({ text: 'the right value', list: [1, 2, 3] }))
  const bytes = await raw.read('k')
  assert.ok(bytes, 'the store has no bytes for a key that was set')
  await raw.write('k', change(Uint8Array.from(bytes)))
  const before = dropsOf(scene)
  const context = createContext()
  assert.equal(await backend.get('k', { context }), undefined)
  assert.equal(dropsOf(scene) - before, 1, 'the drop is not counted')
  assert.notEqual(context.missReason, undefined)
  assert.notEqual(context.missReason, 'absent')
}

/** Group H, second part: whatever the bytes in the store, a read gives the right value or a miss. */
export const corruptionCases: readonly BackendCase[] = [
  backendCase({
    id: 'H09',
    title: 'takes bytes that it did not write for a miss',
    why: 'other programs share the store, and an exception for each of their keys would be a failure for all',
    needs: ['raw'],
    async test(scene) {
      const texts = ['', 'hello', '{"data":1}', 'null', '\0\0\0\0']
      for (const text of texts) await drops(scene, () => new TextEncoder().encode(text))
      for (const size of [1, 50, 5_000]) await drops(scene, () => randomBytes(size))
    },
  }),
  backendCase({
    id: 'H10',
    title: 'takes bytes that were cut short, or go on, for a miss',
    why: 'a write that was interrupted leaves half a value',
    needs: ['raw'],
    async test(scene) {
      for (const cut of [1, 2, 5, 17, 40])
        await drops(scene, (bytes) => bytes.subarray(0, bytes.length - cut))
      await drops(scene, (bytes) => bytes.subarray(1))
      await drops(scene, (bytes) => Uint8Array.from([...bytes, 0]))
      await drops(scene, (bytes) => Uint8Array.from([...bytes, ...bytes]))
    },
  }),
  backendCase({
    id: 'H11',
    title: 'takes a value with a flipped bit for a miss, wherever the bit is',
    why: 'one bit in a number is a wrong price, and nobody will know',
    needs: ['raw'],
    async test(scene) {
      const random = seeded(11)
      for (let round = 0; round < 100; round += 1) {
        await drops(scene, (bytes) => {
          const at = random(bytes.length - TAIL_BYTES)
          bytes[at] = (bytes[at] as number) ^ (1 << random(8))
          return bytes
        })
      }
    },
  }),
  backendCase({
    id: 'H15',
    title: 'gives the right value or a miss when a bit is flipped in what a store notes behind it',
    why: 'who is to make a value anew is a matter of time, what the value is never is',
    needs: ['raw'],
    async test(scene) {
      const { backend } = scene
      const raw = scene.use('raw')(backend)
      for (let place = 1; place <= TAIL_BYTES; place += 1) {
        await backend.set('k', scene.entry({ price: 7 }))
        const bytes = Uint8Array.from((await raw.read('k')) ?? [])
        const at = bytes.length - place
        bytes[at] = (bytes[at] as number) ^ (1 << (place % 8))
        await raw.write('k', bytes)
        const context = createContext()
        const found = await backend.get('k', { context })
        if (found === undefined) assert.ok(context.missReason && context.missReason !== 'absent')
        else assert.deepEqual(found.data, { price: 7 })
      }
    },
  }),
  backendCase({
    id: 'H12',
    title: 'takes the bytes of another key for a miss',
    why: 'a hash that collides, or a copy in the store, must not show one user what is of another',
    needs: ['raw'],
    async test(scene) {
      const raw = scene.use('raw')(scene.backend)
      await scene.backend.set('other', scene.entry('what is of another'))
      const bytes = await raw.read('other')
      assert.ok(bytes)
      await drops(scene, () => bytes)
    },
  }),
  backendCase({
    id: 'H13',
    title: 'misses only the broken ones of a batch, and takes new values for them',
    why: 'one broken entry must not fail the others, nor stay for ever',
    needs: ['raw'],
    async test(scene) {
      const { backend } = scene
      await backend.setMany([
        ['a', scene.entry('a')],
        ['b', scene.entry('b')],
      ])
      await scene.use('raw')(backend).write('a', new TextEncoder().encode('rubbish'))
      const results = await backend.getMany(['a', 'b'])
      assert.deepEqual(
        results.map((result) => result.ok && result.value?.data),
        [undefined, 'b'],
      )
      await backend.set('a', scene.entry('new'))
      await scene.has('a', 'new')
    },
  }),
  backendCase({
    id: 'H14',
    title: 'says of each key of a batch why its bytes were of no use',
    why: 'what a newer version wrote must not be overwritten by who reads many at once',
    needs: ['raw'],
    async test(scene) {
      const { backend } = scene
      await backend.set('a', scene.entry('a'))
      await backend.set('b', scene.entry('b'))
      await scene.use('raw')(backend).write('a', new TextEncoder().encode('rubbish'))
      const keys = ['none', 'a', 'b', 'a']
      const contexts = keys.map(() => createContext())
      await backend.getMany(keys, { contexts })
      const alone = createContext()
      await backend.get('a', { context: alone })
      assert.ok(alone.missReason !== undefined && alone.missReason !== 'absent')
      assert.deepEqual(
        contexts.map(({ missReason }) => missReason),
        ['absent', alone.missReason, undefined, alone.missReason],
      )
    },
  }),
]
