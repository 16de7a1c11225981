import assert from 'node:assert/strict'
import { type CacheEvent, isPromise } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase } from '../scene.ts'

/** Group J: it is what it says it is. */
export const honestyCases: readonly BackendCase[] = [
  backendCase({
    id: 'J01',
    title: 'has a label that can stand in a path',
    why: 'labels are joined with dots in events, metrics and contexts',
    async test({ backend }) {
      assert.match(backend.label, /^[A-Za-z0-9_-]{1,64}$/)
    },
  }),
  backendCase({
    id: 'J02',
    title: 'has no peek when it says that it has none',
    why: 'a member that is there but throws, or always misses, misleads who looks for it',
    async test({ backend, subject }) {
      const expected = typeof subject.capabilities.peek === 'string' ? 'undefined' : 'function'
      assert.equal(typeof backend.peek, expected)
    },
  }),
  backendCase({
    id: 'J03',
    title: 'lets one peek at a value, and counts nothing',
    why: 'looking must not change what is looked at',
    needs: ['peek'],
    async test(scene) {
      const { backend } = scene
      await backend.set('k', scene.entry('v', 60_000, 0))
      const before = backend.stats()
      const found = backend.peek?.('k')
      assert.equal(found?.data, 'v')
      assert.ok(found.staleAt <= scene.clock.now())
      assert.equal(backend.peek?.('none'), undefined)
      assert.deepEqual(backend.stats(), before)
    },
  }),
  backendCase({
    id: 'J04',
    title: 'lets nobody peek at a value that is over or deleted',
    why: 'never means never',
    needs: ['peek'],
    async test(scene) {
      const { backend } = scene
      const value = scene.entry('v', 120)
      await backend.set('k', value)
      await backend.set('deleted', scene.entry('v'))
      await backend.delete('deleted')
      assert.equal(backend.peek?.('deleted'), undefined)
      await scene.pass(value.expiresAt)
      assert.equal(backend.peek?.('k'), undefined)
    },
  }),
  backendCase({
    id: 'J05',
    title: 'answers without a promise when it says so',
    why: 'who builds on it does not await',
    needs: ['sync'],
    async test(scene) {
      const { backend } = scene
      const value = scene.entry('v')
      const answers = [
        backend.set('k', value),
        backend.get('k'),
        backend.get('none'),
        backend.setMany([['k', value]]),
        backend.getMany(['k', 'none']),
        backend.deleteMany(['none']),
        backend.delete('k'),
      ]
      const late = answers.filter((answer) => isPromise<unknown>(answer))
      await Promise.all(late)
      assert.equal(late.length, 0)
    },
  }),
  backendCase({
    id: 'J06',
    title: 'reports hits, misses, writes and deletes with its label and the text of the key',
    why: 'metrics and logs are made of nothing else',
    needs: ['events'],
    async test(scene) {
      const events: CacheEvent[] = []
      const backend = await scene.reporting((event) => void events.push(event))
      await backend.set(['user', 1], scene.entry('v'))
      await backend.get(['user', 1])
      await backend.get('none')
      await backend.delete(['user', 1])
      const own = events.filter((event) => event.source === backend.label)
      const told = own.flatMap((event) => ('key' in event ? [`${event.type} ${event.key}`] : []))
      assert.deepEqual(told, ['write user:1', 'hit user:1', 'miss none', 'delete user:1'])
    },
  }),
  backendCase({
    id: 'J07',
    title: 'is not disturbed by a listener that throws',
    why: 'watching must not break what is watched',
    needs: ['events'],
    async test(scene) {
      const backend = await scene.reporting(() => {
        throw new Error('a listener of the contract throws')
      })
      await backend.set('k', scene.entry('v'))
      assert.equal((await backend.get('k'))?.data, 'v')
      assert.equal(await backend.get('none'), undefined)
      assert.equal((await backend.delete('k')).status, 'deleted')
    },
  }),
  backendCase({
    id: 'J08',
    title: 'says whether entries keep what travels with them',
    why: 'who needs it must learn before the first entry that it will be lost',
    async test({ backend, subject }) {
      const expected = typeof subject.capabilities.meta !== 'string'
      assert.equal(backend.keepsMeta !== false, expected)
    },
  }),
]
