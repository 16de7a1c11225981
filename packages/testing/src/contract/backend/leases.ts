import assert from 'node:assert/strict'
import type { Lease } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { fails } from '../scene.ts'
import { bothHave, found, granted, held, leaseCase, read } from './lease-case.ts'

/** Group M: one at a time fills a key, and nobody who began before it was changed. */
export const leaseCases: readonly BackendCase[] = [
  leaseCase({
    id: 'M01',
    title: 'gives a key to one of many who want to fill it at once',
    why: 'every other one would load the same value again',
    async test({ scene, my, their }) {
      for (let round = 0; round < 10; round += 1) {
        const turns = Array.from({ length: 20 }, (_, turn) => turn)
        const answers = await Promise.all(
          turns.map(async (turn) => (turn % 2 === 0 ? my : their).take(`k${round}`)),
        )
        const leases = answers.flatMap((answer) => (answer.is === 'granted' ? [answer.lease] : []))
        assert.equal(leases.length, 1, `${leases.length} were given the lease`)
        const { leaseMs } = leases[0] as Lease
        for (const answer of answers) {
          if (answer.is === 'granted') continue
          assert.ok(answer.is === 'held' && answer.forMs >= 0)
          assert.ok(answer.forMs <= leaseMs + scene.toleranceMs, 'held for longer than it lasts')
        }
      }
    },
  }),
  leaseCase({
    id: 'M02',
    title: 'puts the value in place, and tells by which id it is known from now on',
    why: 'who fills a key has a copy then, and must know later whether that is what is there',
    async test(two) {
      const { scene, mine, theirs, my, their } = two
      const lease = await granted(my.take('k'))
      const value = scene.entry('v', 60_000, 30_000)
      const filled = await my.fill(lease, value)
      assert.equal(filled?.data, 'v')
      await bothHave(two, 'k', 'v')
      for (const backend of [mine, theirs]) {
        const seen = await read(backend, 'k')
        assert.ok(seen.meta?.id !== undefined, 'it has no id')
        assert.equal(seen.meta.id, filled.meta?.id)
        scene.near(seen.staleAt, value.staleAt)
        scene.near(seen.expiresAt, value.expiresAt)
      }
      const seen = await found(their.take('k'))
      assert.deepEqual([seen.data, seen.meta?.id], ['v', filled.meta?.id])
      await theirs.set('k', scene.entry('other'))
      assert.notEqual((await read(mine, 'k')).meta?.id, filled.meta?.id)
    },
  }),
  leaseCase({
    id: 'M03',
    title: 'refuses a fill after another backend deleted the key',
    why: 'what was loaded before the delete is what the delete was about',
    async test(two) {
      const { scene, my, theirs } = two
      for (const remove of [
        async () => theirs.delete('k'),
        async () => theirs.deleteMany(['other', 'k']),
      ]) {
        const lease = await granted(my.take('k'))
        await remove()
        assert.equal(await my.fill(lease, scene.entry('late')), undefined)
        await bothHave(two, 'k', undefined)
      }
    },
  }),
  leaseCase({
    id: 'M04',
    title: 'refuses a fill after another backend set the key, whose value stays',
    why: 'a set says what is there now; what was loaded before it does not',
    async test(two) {
      const { scene, my, theirs } = two
      const sets = [
        async (text: string) => theirs.set('k', scene.entry(text)),
        async (text: string) => theirs.setMany([['k', scene.entry(text)]]),
      ]
      for (const [round, set] of sets.entries()) {
        const lease = await granted(my.take('k', { over: 'anything' }))
        await set(`theirs ${round}`)
        assert.equal(await my.fill(lease, scene.entry('late')), undefined)
        await bothHave(two, 'k', `theirs ${round}`)
      }
    },
  }),
  leaseCase({
    id: 'M05',
    title: 'tells for how long a lease is held, gives it to the next then, and refuses the first',
    why: 'a process that died must not stand in the way, and one that hung must not come back',
    async test(two) {
      const { scene, my, their } = two
      const late = await granted(my.take('k'))
      const forMs = await held(their.take('k'))
      assert.ok(forMs > 0 && forMs <= late.leaseMs + scene.toleranceMs)
      await scene.pass(scene.clock.now() + forMs)
      const next = await granted(their.take('k'))
      assert.equal(await my.fill(late, scene.entry('late')), undefined)
      assert.equal((await their.fill(next, scene.entry('next')))?.data, 'next')
      await bothHave(two, 'k', 'next')
    },
  }),
  leaseCase({
    id: 'M06',
    title: 'says truly what became of a fill after its time that nobody else began',
    why: 'either is right, but who filled it must know which',
    async test(two) {
      const { scene, my } = two
      const lease = await granted(my.take('k'))
      await scene.pass(scene.clock.now() + lease.leaseMs)
      const filled = await my.fill(lease, scene.entry('late'))
      await bothHave(two, 'k', filled?.data)
    },
  }),
  leaseCase({
    id: 'M07',
    title: 'lets the next one begin at once when a lease is released, and only then',
    why: 'a load that failed would else hold up all others for its time',
    async test(two) {
      const { scene, my, their } = two
      const first = await granted(my.take('k'))
      await held(their.take('k'))
      await my.release(first)
      const next = await granted(their.take('k'))
      await my.release(first)
      await held(my.take('k'))
      assert.equal(await my.fill(first, scene.entry('late')), undefined)
      assert.equal((await their.fill(next, scene.entry('next')))?.data, 'next')
    },
  }),
  leaseCase({
    id: 'M11',
    title: 'begins the time of a lease anew while it lasts, and says when it does not',
    why: 'a load that takes long is no reason for a second one',
    async test({ scene, my, their }) {
      const taken = scene.clock.now()
      const lease = await granted(my.take('k'))
      await scene.reach(taken + lease.leaseMs / 2)
      const renewed = scene.clock.now()
      if (await my.renew(lease)) {
        const forMs = await held(their.take('k'))
        const left = renewed + lease.leaseMs - scene.clock.now()
        assert.ok(forMs >= left - scene.toleranceMs, 'its time did not begin anew')
      } else {
        // A machine that slow let it end.
        assert.ok(scene.clock.now() >= taken + lease.leaseMs - scene.toleranceMs)
      }
      const next = await granted(their.take('k', { over: 'anything' }))
      assert.equal(await my.renew(lease), false)
      assert.equal((await their.fill(next, scene.entry('v')))?.data, 'v')
    },
  }),
  leaseCase({
    id: 'M15',
    title: 'gives a lease back when there is nothing to store, or it cannot be stored',
    why: 'the next one would else wait for a fill that does not come',
    needs: ['limit'],
    async test(two) {
      const { scene, my, their } = two
      const over = { data: 'v', staleAt: 0, expiresAt: scene.clock.now() }
      assert.equal(await my.fill(await granted(my.take('k')), over), undefined)
      const again = await granted(their.take('k'))
      const large = scene.entry('x'.repeat(scene.use('limit') + 1))
      await fails('TOO_LARGE', () => their.fill(again, large))
      await granted(my.take('k'))
      await bothHave(two, 'k', undefined)
    },
  }),
  leaseCase({
    id: 'M16',
    title: 'leases each key by itself, whatever it is',
    why: 'keys that share a lease wait for one another, and fill one another',
    async test({ scene, mine, my, their }) {
      const keys = ['k', 'k2', ' ', 'ключ', '{k}', 'k\0', 'k'.repeat(3_000), 'k'.repeat(3_001)]
      const leases = await Promise.all(keys.map(async (key) => granted(my.take(key))))
      for (const [index, key] of keys.entries()) {
        await held(their.take(key))
        await my.fill(leases[index] as Lease, scene.entry(key))
      }
      for (const key of keys) assert.equal((await read(mine, key)).data, key)
    },
  }),
  leaseCase({
    id: 'M17',
    title: 'leaves nothing behind when a fill and a delete meet',
    why: 'whichever comes first, what was loaded before the delete is gone after it',
    async test(two) {
      const { scene, my, theirs } = two
      for (let round = 0; round < 50; round += 1) {
        const key = `k${round % 5}`
        const lease = await granted(my.take(key))
        await Promise.all([my.fill(lease, scene.entry(round)), theirs.delete(key)])
        await bothHave(two, key, undefined)
      }
    },
  }),
]
