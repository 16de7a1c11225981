import assert from 'node:assert/strict'
import type { BackendCase } from '../backend-subject.ts'
import { randomText, seeded } from '../random.ts'
import { backendCase, type Scene } from '../scene.ts'

/** A value that shows when it was put together from two. */
const whole = (turn: number): { turn: number; text: string; again: number } => ({
  turn,
  text: `${turn},`.repeat(100),
  again: turn,
})

function assertWhole(data: unknown): void {
  const { turn } = data as { turn: number }
  assert.deepEqual(data, whole(turn), 'the value is torn')
}

/** Group G: many callers at once. */
export const concurrencyCases: readonly BackendCase[] = [
  backendCase({
    id: 'G01',
    title: 'never gives a torn value to 1,000 callers of one key',
    why: 'a value made of two is worse than either',
    async test(scene) {
      const { backend } = scene
      await backend.set('k', scene.entry(whole(0)))
      await Promise.all(
        Array.from({ length: 1_000 }, async (_, turn) => {
          if (turn % 2 === 0) await backend.set('k', scene.entry(whole(turn)))
          else assertWhole((await backend.get('k'))?.data)
        }),
      )
      assertWhole((await backend.get('k'))?.data)
      await backend.set('k', scene.entry(whole(-1)))
      await scene.has('k', whole(-1))
    },
  }),
  backendCase({
    id: 'G02',
    title: 'keeps 1,000 keys that are written at once',
    why: 'replies must find the caller that asked',
    async test(scene) {
      const { backend } = scene
      const turns = Array.from({ length: 1_000 }, (_, turn) => turn)
      await Promise.all(
        turns.map(async (turn) => backend.set(`k${turn}`, scene.entry(whole(turn)))),
      )
      const found = await Promise.all(turns.map(async (turn) => backend.get(`k${turn}`)))
      for (const turn of turns) assert.deepEqual(found[turn]?.data, whole(turn))
    },
  }),
  backendCase({
    id: 'G03',
    title: 'agrees with a map over 2,000 random operations, one after the other',
    why: 'each operation alone may be right, and the sequence wrong',
    async test(scene) {
      await agreesWithMap(scene, 2_000)
    },
  }),
  backendCase({
    id: 'G04',
    title: 'stays empty after the last of many writes and deletes was a delete',
    why: 'a write that is under way must not come after the delete that followed it',
    async test(scene) {
      const { backend } = scene
      const keys = Array.from({ length: 20 }, (_, round) => `k${round}`)
      for (const key of keys) {
        await Promise.all(
          Array.from({ length: 10 }, async (_, turn) => backend.set(key, scene.entry(whole(turn)))),
        )
        await backend.delete(key)
        await scene.lacks(key)
      }
      for (const key of keys) await scene.lacks(key)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      for (const key of keys) await scene.lacks(key)
    },
  }),
  backendCase({
    id: 'G05',
    title: 'shows at once what another backend on the same data did',
    why: 'a shared store that answers from memory is not shared',
    needs: ['join'],
    async test(scene) {
      const { backend } = scene
      const other = scene.adopt(await scene.use('join')(backend))
      await backend.set('k', scene.entry(whole(1)))
      assert.deepEqual((await other.get('k'))?.data, whole(1))
      await other.set('k', scene.entry(whole(2)))
      await scene.has('k', whole(2))
      assert.equal((await other.delete('k')).status, 'deleted')
      await scene.lacks('k')
      await backend.setMany([
        ['a', scene.entry('a')],
        ['b', scene.entry('b')],
      ])
      const found = await other.getMany(['b', 'a'])
      assert.deepEqual(
        found.map((result) => result.ok && result.value?.data),
        ['b', 'a'],
      )
    },
  }),
  backendCase({
    id: 'G06',
    title: 'never gives a torn value while another backend writes',
    why: 'a read in the middle of a write sees both values, if the store lets it',
    needs: ['join'],
    async test(scene) {
      const { backend } = scene
      const other = scene.adopt(await scene.use('join')(backend))
      await backend.set('k', scene.entry(whole(0)))
      await Promise.all(
        Array.from({ length: 300 }, async (_, turn) => {
          await (turn % 2 === 0 ? backend : other).set('k', scene.entry(whole(turn)))
          assertWhole((await (turn % 2 === 0 ? other : backend).get('k'))?.data)
        }),
      )
    },
  }),
]

async function agreesWithMap(scene: Scene, operations: number): Promise<void> {
  const { backend } = scene
  const random = seeded(7)
  const model = new Map<string, string>()
  for (let turn = 0; turn < operations; turn += 1) {
    const key = `key ${random(8)}`
    const context = `operation ${turn}, on "${key}"`
    switch (random(6)) {
      case 0:
      case 1: {
        const text = randomText(random(200), turn)
        await backend.set(key, scene.entry(text))
        model.set(key, text)
        break
      }
      case 2: {
        const { status } = await backend.delete(key)
        assert.equal(status, model.delete(key) ? 'deleted' : 'missing', context)
        break
      }
      case 3: {
        const others = [key, `key ${random(8)}`]
        const results = await backend.getMany<string>(others)
        const found = results.map((result) => result.ok && result.value?.data)
        assert.deepEqual(
          found,
          others.map((other) => model.get(other)),
          context,
        )
        break
      }
      default:
        assert.equal((await backend.get(key))?.data, model.get(key), context)
    }
  }
}
