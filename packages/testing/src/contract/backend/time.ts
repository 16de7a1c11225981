import assert from 'node:assert/strict'
import type { CacheValue } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase, fails } from '../scene.ts'

/** Group D: an entry ends when it should, to the millisecond, and not before. */
export const timeCases: readonly BackendCase[] = [
  backendCase({
    id: 'D01',
    title: 'never returns an entry after its end',
    why: 'this is what an end is for',
    async test(scene) {
      const value = scene.entry('v', 120)
      await scene.backend.set('k', value)
      await scene.has('k', 'v', value.expiresAt)
      await scene.pass(value.expiresAt)
      await scene.lacks('k')
      const [result] = await scene.backend.getMany(['k'])
      assert.deepEqual(result, { ok: true, value: undefined })
    },
  }),
  backendCase({
    id: 'D02',
    title: 'returns an entry until the last millisecond, and not at its end',
    why: 'the end belongs to the time after',
    needs: ['clock'],
    async test(scene) {
      for (const ttlMs of [1, 2, 120, 999, 1_000, 1_001, 60_000]) {
        const value = scene.entry('v', ttlMs)
        await scene.backend.set('k', value)
        await scene.reach(value.expiresAt - 1)
        await scene.has('k', 'v')
        await scene.reach(value.expiresAt)
        await scene.lacks('k')
      }
    },
  }),
  backendCase({
    id: 'D03',
    title: 'gives a life of less than a second an end',
    why: 'a store that counts in seconds makes nothing or eternity of it',
    async test(scene) {
      const value = scene.entry('v', 700, 300)
      await scene.backend.set('k', value)
      const found = await scene.backend.get('k')
      if (found === undefined) return scene.has('k', 'v', value.expiresAt)
      scene.near(found.expiresAt, value.expiresAt)
      return scene.near(found.staleAt, value.staleAt)
    },
  }),
  backendCase({
    id: 'D04',
    title: 'does not cut a life to whole seconds',
    why: '1.4 s is not 1 s',
    async test(scene) {
      const value = scene.entry('v', 1_400)
      await scene.backend.set('k', value)
      await scene.reach(value.expiresAt - 300)
      await scene.has('k', 'v', value.expiresAt)
    },
  }),
  backendCase({
    id: 'D05',
    title: 'removes what was there when the new value is over already',
    why: 'to do nothing would leave the old value, which is older still',
    async test(scene) {
      const { backend, clock } = scene
      for (const end of [clock.now(), clock.now() - 1, 0, -1, Number.NEGATIVE_INFINITY]) {
        await backend.set('k', scene.entry('old'))
        await backend.set('k', { data: 'new', staleAt: end, expiresAt: end })
        await scene.lacks('k')
        assert.equal((await backend.delete('k')).status, 'missing')
      }
    },
  }),
  backendCase({
    id: 'D06',
    title: 'refuses a moment that is none with INVALID_OPTION, and keeps what was there',
    why: 'NaN compares with nothing: such an entry would live for ever or never',
    async test(scene) {
      const { backend } = scene
      await backend.set('k', scene.entry('old'))
      const end = scene.clock.now() + 60_000
      const bad: readonly unknown[] = [
        { data: 'new', staleAt: Number.NaN, expiresAt: end },
        { data: 'new', staleAt: end, expiresAt: Number.NaN },
        { data: 'new', staleAt: end },
        { data: 'new', expiresAt: end },
        { data: 'new', staleAt: `${end}`, expiresAt: `${end}` },
        { data: 'new', staleAt: new Date(end), expiresAt: new Date(end) },
        undefined,
        null,
        'new',
      ]
      for (const value of bad)
        await fails('INVALID_OPTION', () => backend.set('k', value as CacheValue<unknown>))
      await scene.has('k', 'old')
    },
  }),
  backendCase({
    id: 'D07',
    title: 'keeps entries whose end is far away',
    why: 'numbers past 2^31 wrap around in timers, and past 2^53 in sums',
    async test(scene) {
      const { backend, clock } = scene
      for (const ttlMs of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53]) {
        const value = scene.entry('v', ttlMs)
        await backend.set('k', value)
        const found = await backend.get('k')
        assert.equal(found?.data, 'v', `a life of ${ttlMs} ms is over at once`)
        assert.ok(found.expiresAt > clock.now() + ttlMs * 0.999)
      }
    },
  }),
  backendCase({
    id: 'D08',
    title: 'takes fractions of a millisecond',
    why: 'the clocks of a process count in them, and stores do not',
    async test(scene) {
      const value = scene.entry('v', 500.7, 250.3)
      await scene.backend.set('k', value)
      const found = await scene.backend.get('k')
      if (found === undefined) return scene.has('k', 'v', value.expiresAt)
      scene.near(found.expiresAt, value.expiresAt)
      scene.near(found.staleAt, value.staleAt)
      await scene.pass(Math.ceil(value.expiresAt))
      return scene.lacks('k')
    },
  }),
  backendCase({
    id: 'D09',
    title: 'is not kept alive by reads',
    why: 'an end counts from the writing',
    async test(scene) {
      const value = scene.entry('v', 200)
      await scene.backend.set('k', value)
      for (const part of [50, 100, 150]) {
        await scene.reach(value.expiresAt - 200 + part)
        await scene.has('k', 'v', value.expiresAt)
        await scene.backend.getMany(['k', 'k'])
      }
      await scene.pass(value.expiresAt)
      await scene.lacks('k')
    },
  }),
  backendCase({
    id: 'D10',
    title: 'gives the same moments whenever it is asked',
    why: 'a moment that is counted anew from each read never comes',
    async test(scene) {
      const value = scene.entry('v', 60_000, 30_000)
      await scene.backend.set('k', value)
      const first = await scene.backend.get('k')
      await scene.reach(scene.clock.now() + 100)
      const second = await scene.backend.get('k')
      for (const found of [first, second]) {
        scene.near(found?.expiresAt, value.expiresAt)
        scene.near(found?.staleAt, value.staleAt)
      }
    },
  }),
  backendCase({
    id: 'D11',
    title: 'goes by the end of the last write, be it sooner or later',
    why: 'the life of the value before has nothing to say',
    async test(scene) {
      const { backend } = scene
      const soon = scene.entry('soon', 150)
      await backend.set('shortened', scene.entry('long', 60_000))
      await backend.set('shortened', soon)
      await backend.set('prolonged', soon)
      await backend.set('prolonged', scene.entry('long', 60_000))
      await scene.pass(soon.expiresAt)
      await scene.lacks('shortened')
      await scene.has('prolonged', 'long')
    },
  }),
  backendCase({
    id: 'D12',
    title: 'takes a new value after the old one has ended',
    why: 'remains of the old one must not shadow it',
    async test(scene) {
      const old = scene.entry('old', 120, 60)
      await scene.backend.set('k', old)
      await scene.pass(old.expiresAt)
      await scene.lacks('k')
      const fresh = scene.entry('new', 60_000)
      await scene.backend.set('k', fresh)
      const found = await scene.backend.get('k')
      assert.equal(found?.data, 'new')
      scene.near(found.staleAt, fresh.staleAt)
    },
  }),
  backendCase({
    id: 'D13',
    title: 'takes a stale moment in the past for stale, not for expired',
    why: 'only the end decides whether a value may be served',
    async test(scene) {
      const { backend, clock } = scene
      for (const staleAt of [0, clock.now() - 1_000, Number.NEGATIVE_INFINITY]) {
        await backend.set('k', { data: 'v', staleAt, expiresAt: clock.now() + 60_000 })
        const found = await backend.get('k')
        assert.equal(found?.data, 'v')
        assert.ok(found.staleAt <= clock.now())
      }
    },
  }),
  backendCase({
    id: 'D14',
    title: 'goes stale when it should',
    why: 'too early costs loads, too late serves old values',
    needs: ['clock'],
    async test(scene) {
      const value = scene.entry('v', 10_000, 500)
      await scene.backend.set('k', value)
      await scene.reach(value.staleAt - 1)
      assert.ok(((await scene.backend.get('k'))?.staleAt ?? 0) > scene.clock.now())
      await scene.reach(value.staleAt)
      assert.ok(((await scene.backend.get('k'))?.staleAt ?? Infinity) <= scene.clock.now())
    },
  }),
]
