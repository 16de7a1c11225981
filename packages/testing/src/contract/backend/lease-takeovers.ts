import assert from 'node:assert/strict'
import type { BackendCase } from '../backend-subject.ts'
import { bothHave, found, granted, held, leaseCase, read } from './lease-case.ts'

/** Group M, second part: what is there already when somebody wants to fill a key. */
export const leaseTakeoverCases: readonly BackendCase[] = [
  leaseCase({
    id: 'M08',
    title: 'lets one take over the value that it read, which is served until the new one comes',
    why: 'a refresh must not take away what others are served meanwhile',
    async test(two) {
      const { scene, mine, theirs, my, their } = two
      await theirs.set('k', scene.entry('old'))
      const old = await read(mine, 'k')
      const lease = await granted(my.take('k', { over: old }))
      await bothHave(two, 'k', 'old')
      assert.equal((await found(their.take('k'))).data, 'old')
      await held(their.take('k', { over: await read(theirs, 'k') }))
      assert.equal((await my.fill(lease, scene.entry('new')))?.data, 'new')
      await bothHave(two, 'k', 'new')
      assert.equal((await found(their.take('k', { over: old }))).data, 'new')
    },
  }),
  leaseCase({
    id: 'M09',
    title: 'leaves the value where it is when a lease on it is released',
    why: 'a refresh that failed is no reason to have nothing',
    async test(two) {
      const { scene, mine, my, their } = two
      await mine.set('k', scene.entry('old'))
      const old = await read(mine, 'k')
      const lease = await granted(my.take('k', { over: old }))
      await my.release(lease)
      await bothHave(two, 'k', 'old')
      await granted(their.take('k', { over: old }))
    },
  }),
  leaseCase({
    id: 'M10',
    title: 'keeps a value that is made stale, for all, and ends the lease on it',
    why: 'who makes it stale wants it made anew, from then on, and served until then',
    async test(two) {
      const { scene, mine, theirs, my, their } = two
      assert.equal(await my.expire('k'), false)
      const value = scene.entry('v')
      await mine.set('k', value)
      const lease = await granted(my.take('k', { over: await read(mine, 'k') }))
      assert.equal(await their.expire('k'), true)
      for (const backend of [mine, theirs]) {
        const seen = await read(backend, 'k')
        assert.equal(seen.data, 'v')
        assert.ok(seen.staleAt <= scene.clock.now(), 'it is not stale')
        scene.near(seen.expiresAt, value.expiresAt)
      }
      assert.equal(await my.fill(lease, scene.entry('late')), undefined)
      await bothHave(two, 'k', 'v')
      const again = await granted(their.take('k', { over: await read(theirs, 'k') }))
      await their.fill(again, scene.entry('new'))
      assert.ok((await read(mine, 'k')).staleAt > scene.clock.now(), 'the new one is stale')
    },
  }),
  leaseCase({
    id: 'M12',
    title: 'lets one take over whatever is there: nothing, a value, the lease of another',
    why: 'who knows that all of it is too old waits for nobody',
    async test(two) {
      const { scene, mine, my, their } = two
      const first = await granted(my.take('k', { over: 'anything' }))
      const second = await granted(their.take('k', { over: 'anything' }))
      assert.equal(await my.fill(first, scene.entry('late')), undefined)
      assert.equal((await their.fill(second, scene.entry('second')))?.data, 'second')
      const third = await granted(my.take('k', { over: 'anything' }))
      const fourth = await granted(their.take('k', { over: 'anything' }))
      assert.equal(await my.fill(third, scene.entry('late')), undefined)
      assert.equal((await their.fill(fourth, scene.entry('fourth')))?.data, 'fourth')
      assert.equal((await read(mine, 'k')).data, 'fourth')
    },
  }),
  leaseCase({
    id: 'M13',
    title: 'lets one replace bytes that hold no value, and nobody those of a later version',
    why: 'rubbish under a key must not mean a load for each read until it ends, nor old programs undo what new ones do',
    needs: ['raw'],
    async test(two) {
      const { scene, mine, my, their } = two
      const raw = scene.use('raw')(mine)
      await mine.set('k', scene.entry('v'))
      const right = await raw.read('k')
      assert.ok(right, 'the store has no bytes for a key that was set')
      const changed = (at: number, byte: number): Uint8Array =>
        Uint8Array.from(right, (before, index) => (index === at ? byte : before))
      const rubbish: readonly Uint8Array[] = [
        new TextEncoder().encode('hello'),
        right.slice(0, 40),
        right.slice(0, -1),
        changed(60, (right[60] as number) ^ 1),
        changed(2, 0),
      ]
      for (const [round, bytes] of rubbish.entries()) {
        await raw.write('k', bytes)
        const lease = await granted(my.take('k'))
        await held(their.take('k'))
        assert.equal((await my.fill(lease, scene.entry(round)))?.data, round)
        await bothHave(two, 'k', round)
      }
      await raw.write('k', changed(2, 255))
      assert.deepEqual(await my.take('k'), { is: 'refused', reason: 'newer-version' })
      assert.deepEqual(await raw.read('k'), changed(2, 255))
    },
  }),
  leaseCase({
    id: 'M14',
    title: 'takes a value that is over for nothing',
    why: 'it is not served any more, so it must be made again',
    async test(two) {
      const { scene, mine, my, their } = two
      const value = scene.entry('v', 120)
      await mine.set('k', value)
      await scene.pass(value.expiresAt)
      const lease = await granted(my.take('k'))
      await held(their.take('k'))
      assert.equal((await my.fill(lease, scene.entry('new')))?.data, 'new')
      await bothHave(two, 'k', 'new')
    },
  }),
]
