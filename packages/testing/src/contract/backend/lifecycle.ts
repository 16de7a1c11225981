import assert from 'node:assert/strict'
import type { CacheBackend, DurationInput } from '@hitbox/core'
import { expectNoLeaks } from '../../expect-no-leaks.ts'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase, fails, type Scene, settles } from '../scene.ts'

/** Long enough for any server that is there. */
const SETTLE_MS = 3_000

async function isClosed(scene: Scene, backend: CacheBackend): Promise<void> {
  const value = scene.entry('v')
  await fails('CLOSED', () => backend.get('k'))
  await fails('CLOSED', () => backend.set('k', value))
  await fails('CLOSED', () => backend.delete('k'))
  await fails('CLOSED', () => backend.getMany(['k']))
  await fails('CLOSED', () => backend.setMany([['k', value]]))
  await fails('CLOSED', () => backend.deleteMany(['k']))
  await fails('CLOSED', () => backend.ready())
}

/** Group I: opening, waiting and closing. */
export const lifecycleCases: readonly BackendCase[] = [
  backendCase({
    id: 'I01',
    title: 'closes as often as it is told',
    why: 'several parts of a program may each close what they use',
    async test({ backend }) {
      await Promise.all([backend.close(), backend.close()])
      await backend.close()
      await backend[Symbol.asyncDispose]()
    },
  }),
  backendCase({
    id: 'I02',
    title: 'fails every operation with CLOSED after it was closed',
    why: 'an operation that waits for a connection that nobody opens hangs',
    async test(scene) {
      await scene.backend.set('k', scene.entry('v'))
      await scene.backend.close()
      await isClosed(scene, scene.backend)
    },
  }),
  backendCase({
    id: 'I03',
    title: 'can be closed before it was used',
    why: 'a program may end before the first request',
    async test(scene) {
      await scene.backend.close()
      await isClosed(scene, scene.backend)
    },
  }),
  backendCase({
    id: 'I04',
    title: 'is closed by leaving the block that uses it',
    why: '`await using` is how it is meant to be held',
    async test(scene) {
      await scene.backend.set('k', scene.entry('v'))
      await scene.backend[Symbol.asyncDispose]()
      await isClosed(scene, scene.backend)
    },
  }),
  backendCase({
    id: 'I05',
    title: 'tells when it is ready, and refuses a timeout that is none',
    why: 'who wants to fail at start must be able to wait for an answer',
    async test({ backend }) {
      await backend.ready()
      await backend.ready({ timeout: '10s' })
      const bad: readonly unknown[] = ['soon', '5 s', -1, Number.NaN, '0ms', Infinity]
      for (const timeout of bad)
        await fails('INVALID_OPTION', () => backend.ready({ timeout: timeout as DurationInput }))
    },
  }),
  backendCase({
    id: 'I06',
    title: 'serves many first callers at once',
    why: 'a service that starts under load has no quiet first request',
    async test(scene) {
      const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
      await Promise.all(keys.map(async (key) => scene.backend.set(key, scene.entry(key))))
      await Promise.all(keys.map((key) => scene.has(key, key)))
    },
  }),
  backendCase({
    id: 'I07',
    title: 'settles what is under way when it is closed',
    why: 'a promise that nobody settles is a request that nobody answers',
    async test(scene) {
      const { backend } = scene
      await backend.set('k', scene.entry('v'))
      const underWay = Array.from({ length: 50 }, async (_, index) =>
        index % 2 === 0 ? backend.get('k') : backend.set(`k${index}`, scene.entry(index)),
      )
      const settled = Promise.allSettled(underWay)
      await settles(SETTLE_MS, backend.close())
      for (const outcome of await settles(SETTLE_MS, settled)) {
        if (outcome.status === 'fulfilled') continue
        const { code } = outcome.reason as { readonly code?: unknown }
        assert.ok(code === 'CLOSED' || code === 'BACKEND_FAILED', `it failed with ${String(code)}`)
      }
    },
  }),
  backendCase({
    id: 'I08',
    title: 'leaves no timer, socket or listener behind',
    why: 'what is left keeps a process alive, or fills it',
    async test(scene) {
      await expectNoLeaks(async () => {
        for (let round = 0; round < 20; round += 1) {
          const backend = await scene.subject.open({ clock: undefined })
          await backend.set('k', scene.entry('v'))
          await backend.get('k')
          await backend.close()
        }
      })
    },
  }),
  backendCase({
    id: 'I09',
    title: 'has its entries again after it was closed and opened',
    why: 'a store that persists is chosen for its warm start',
    needs: ['reopen'],
    async test(scene) {
      const end = scene.clock.now() + 3_600_000
      const mortal = { data: { a: 1 }, staleAt: end - 1_800_000, expiresAt: end }
      await scene.backend.set('k', mortal)
      await scene.backend.set('for ever', { data: 'v', staleAt: Infinity, expiresAt: Infinity })
      await scene.backend.set('deleted', scene.entry('v'))
      await scene.backend.delete('deleted')
      const again = scene.adopt(await scene.use('reopen')(scene.backend))
      const found = await again.get('k')
      assert.deepEqual(found?.data, { a: 1 })
      scene.near(found.expiresAt, mortal.expiresAt)
      scene.near(found.staleAt, mortal.staleAt)
      assert.equal((await again.get('for ever'))?.data, 'v')
      assert.equal(await again.get('deleted'), undefined)
    },
  }),
  backendCase({
    id: 'I10',
    title: 'refuses an option that it does not have with INVALID_OPTION',
    why: 'a misspelt option is otherwise a default that nobody chose',
    needs: ['misspelt'],
    async test(scene) {
      await fails('INVALID_OPTION', () => scene.use('misspelt')())
    },
  }),
  backendCase({
    id: 'I11',
    title: 'leaves another backend on the same data open when it is closed',
    why: 'two owners, two lives',
    needs: ['join'],
    async test(scene) {
      const other = scene.adopt(await scene.use('join')(scene.backend))
      await other.set('k', scene.entry('v'))
      await scene.backend.close()
      assert.equal((await other.get('k'))?.data, 'v')
    },
  }),
]
