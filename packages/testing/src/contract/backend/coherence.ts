import assert from 'node:assert/strict'
import type { CacheBackend, ChangeListener, Coherence, LeaseAnswer, Leases } from '@hitbox/core'
import { until } from '../../until.ts'
import type { BackendCase } from '../backend-subject.ts'
import { backendCase, type BackendCaseSpec, type Scene } from '../scene.ts'

/** Writes down what it is told. */
class Told implements ChangeListener {
  /** How often each key was told since the last look. */
  readonly keys: string[] = []
  all = 0

  changed(key: string): void {
    this.keys.push(key)
  }

  changedAll(): void {
    this.all += 1
  }

  has(key: string): boolean {
    return this.all > 0 || this.keys.includes(key)
  }

  get nothing(): boolean {
    return this.all === 0 && this.keys.length === 0
  }

  get count(): number {
    return this.all + this.keys.length
  }

  forget(): void {
    this.keys.length = 0
    this.all = 0
  }
}

/** Two backends on the same data, of which the first follows what the other does. */
interface Followed {
  readonly scene: Scene
  readonly mine: CacheBackend
  readonly theirs: CacheBackend
  readonly coherence: Coherence
  readonly told: Told
  readonly unlisten: () => void
}

type CoherenceSpec = Omit<BackendCaseSpec, 'test'> & {
  readonly test: (followed: Followed) => Promise<void>
}

const coherenceCase = ({ test, needs = [], ...spec }: CoherenceSpec): BackendCase =>
  backendCase({
    ...spec,
    needs: ['coherence', 'join', ...needs],
    async test(scene) {
      const { backend: mine } = scene
      const theirs = await scene.join()
      const { coherence } = mine
      assert.ok(coherence, 'there is no coherence')
      const told = new Told()
      const unlisten = coherence.listen(told)
      await until('changes are told', async () => {
        // Who has read nothing yet may have nobody who tells it anything.
        await mine.get('k')
        await coherence.barrier()
        return coherence.mode === 'tracking' && coherence.fence > Number.NEGATIVE_INFINITY
      })
      told.forget()
      await test({ scene, mine, theirs, coherence, told, unlisten })
      unlisten()
    },
  })

/** Has the first one read a key, lets something be done to it, and asserts whether that is told by the time a barrier is over. */
async function tells(
  { coherence, mine, told }: Followed,
  what: string,
  change: () => unknown,
  expected = true,
): Promise<void> {
  await mine.get('k')
  told.forget()
  await change()
  await coherence.barrier()
  if (expected) assert.ok(told.has('k'), `${what} was not told`)
  else assert.ok(told.nothing, `${what} was told`)
}

function leasesOf(backend: CacheBackend): Leases {
  assert.ok(backend.leases, 'there are no leases')
  return backend.leases
}

async function fill(scene: Scene, backend: CacheBackend, data: unknown): Promise<void> {
  const leases = leasesOf(backend)
  const taken: LeaseAnswer = await leases.take('k', { over: 'anything' })
  assert.equal(taken.is, 'granted')
  if (taken.is === 'granted') assert.ok(await leases.fill(taken.lease, scene.entry(data)))
}

/** Group N: who keeps copies learns when they are over. */
export const coherenceCases: readonly BackendCase[] = [
  coherenceCase({
    id: 'N01',
    title: 'tells what another backend sets or deletes, by itself or in a batch',
    why: 'a copy of what was there is served for as long as nobody tells',
    async test(followed) {
      const { scene, theirs } = followed
      await tells(followed, 'a set of nothing', () => theirs.set('k', scene.entry(1)))
      await tells(followed, 'a set', () => theirs.set('k', scene.entry(2)))
      await tells(followed, 'a delete', () => theirs.delete('k'))
      const many = [
        ['a', scene.entry(3)],
        ['k', scene.entry(3)],
      ] as const
      await tells(followed, 'a setMany', () => theirs.setMany(many))
      await tells(followed, 'a deleteMany', () => theirs.deleteMany(['a', 'k']))
    },
  }),
  coherenceCase({
    id: 'N02',
    title: 'tells what another backend fills or makes stale',
    why: 'those are changes too',
    needs: ['leases'],
    async test(followed) {
      const { scene, theirs } = followed
      await tells(followed, 'a fill', () => fill(scene, theirs, 1))
      await tells(followed, 'a fill of a value', () => fill(scene, theirs, 2))
      await tells(followed, 'what was made stale', () => leasesOf(theirs).expire('k'))
    },
  }),
  coherenceCase({
    id: 'N03',
    title: 'does not tell what was done here',
    why: 'each write would drop the copy that it has just made',
    async test(followed) {
      const { scene, mine } = followed
      await tells(followed, 'a set of its own', () => mine.set('k', scene.entry(1)), false)
      await tells(followed, 'a read of its own', () => mine.get('k'), false)
      const many = [['k', scene.entry(2)]] as const
      await tells(followed, 'a setMany of its own', () => mine.setMany(many), false)
      await tells(followed, 'a delete of its own', () => mine.delete('k'), false)
      await tells(followed, 'a deleteMany of its own', () => mine.deleteMany(['k']), false)
    },
  }),
  coherenceCase({
    id: 'N04',
    title: 'does not tell what was filled or made stale here',
    why: 'each load would drop the copy that it has just made',
    needs: ['leases'],
    async test(followed) {
      const { scene, mine } = followed
      await tells(followed, 'a fill of its own', () => fill(scene, mine, 1), false)
      await tells(followed, 'its own expire', () => leasesOf(mine).expire('k'), false)
      await tells(followed, 'a fill over that', () => fill(scene, mine, 2), false)
    },
  }),
  coherenceCase({
    id: 'N05',
    title: 'has told everything that was acknowledged before a barrier when that is over',
    why: 'who was told of a change by its maker must see it here',
    async test({ scene, mine, theirs, coherence, told }) {
      for (let round = 0; round < 200; round += 1) {
        const key = `k${round % 7}`
        await mine.get(key)
        told.forget()
        // A key comes again after seven rounds, so what is deleted is there.
        const removes = round > 7 && round % 5 === 4
        await (removes ? theirs.delete(key) : theirs.set(key, scene.entry(round)))
        await coherence.barrier(round % 2 === 0 ? [key] : undefined)
        assert.ok(
          told.has(key),
          `after ${round} rounds a barrier was over before a change was told`,
        )
      }
    },
  }),
  coherenceCase({
    id: 'N06',
    title: 'tells what is done to a key after it was written here, though nobody has read it',
    why: 'who writes keeps a copy too',
    async test({ scene, mine, theirs, coherence, told }) {
      const writes = [
        async () => mine.set('k', scene.entry('mine')),
        async () => mine.setMany([['k', scene.entry('mine')]]),
        ...(mine.leases === undefined ? [] : [async () => fill(scene, mine, 'mine')]),
      ]
      for (const write of writes) {
        await write()
        told.forget()
        await theirs.set('k', scene.entry('theirs'))
        await coherence.barrier(['k'])
        assert.ok(told.has('k'), 'a change after a write of its own was not told')
      }
    },
  }),
  coherenceCase({
    id: 'N07',
    title: 'tells, after a read was sent, whatever made its answer too old',
    why: 'an answer that is on its way becomes a copy, and nobody will tell again',
    async test({ scene, mine, theirs, coherence, told }) {
      for (let round = 0; round < 100; round += 1) {
        const ask = async (): Promise<{ data: unknown; before: number }> => {
          const before = told.count
          return { data: (await mine.get('k'))?.data, before }
        }
        // So that nothing is known of the key any more when the reads begin.
        await theirs.set('k', scene.entry('before'))
        await coherence.barrier(['k'])
        told.forget()
        const reads = [ask(), ask()]
        const write = theirs.set('k', scene.entry(round))
        reads.push(ask())
        await write
        reads.push(ask())
        const answers = await Promise.all(reads)
        await coherence.barrier(['k'])
        for (const { data, before } of answers) {
          const current = data === round || told.count > before
          assert.ok(current, `in round ${round} an old answer stayed untold`)
        }
      }
    },
  }),
  coherenceCase({
    id: 'N08',
    title: 'moves its fence on by itself, and at once with a barrier, never past now',
    why: 'copies count only for as long as it does',
    async test({ scene, coherence }) {
      const { clock } = scene
      const inOrder = (): void => {
        const { fence } = coherence
        assert.ok(coherence.fenceOf('k') >= fence, 'the fence of a key is before that of all')
        assert.ok(fence <= clock.now(), 'the fence is in the future')
        assert.ok(coherence.fenceOf('k') <= clock.now(), 'the fence of a key is in the future')
      }
      assert.ok(Number.isFinite(coherence.maxStaleMs) && coherence.maxStaleMs > 0)
      assert.equal(coherence.copyMs, Number.POSITIVE_INFINITY)
      for (let round = 0; round < 3; round += 1) {
        const begun = clock.now()
        await scene.reach(begun + coherence.maxStaleMs)
        await until('the fence has moved on', () => coherence.fence > begun, { within: '8s' })
        inOrder()
      }
      const begun = clock.now()
      await coherence.barrier(['k'])
      assert.ok(coherence.fenceOf('k') >= begun, 'a barrier left the fence of its key behind')
      await coherence.barrier()
      assert.ok(coherence.fence >= begun, 'a barrier left the fence behind')
      inOrder()
    },
  }),
  coherenceCase({
    id: 'N09',
    title: 'knows by a text that another backend made whether its changes were told here',
    why: 'who hands the text on wants its change obeyed, and no more waiting than that takes',
    async test({ scene, mine, theirs, coherence, told }) {
      assert.ok(theirs.coherence, 'there is no coherence')
      for (let round = 0; round < 20; round += 1) {
        await mine.get('k')
        told.forget()
        await theirs.set('k', scene.entry(round))
        const text = theirs.coherence.stamp(round % 2 === 0 ? ['k'] : undefined)
        assert.match(text, /^[A-Za-z0-9._-]*$/)
        if (coherence.reached(text)) assert.ok(told.has('k'), 'it was reached before it was told')
        await until('it is reached', async () => {
          await coherence.barrier(['k'])
          return coherence.reached(text)
        })
        assert.ok(told.has('k'))
      }
      for (const text of ['?', 'nonsense', '-', '*']) assert.equal(coherence.reached(text), false)
    },
  }),
  coherenceCase({
    id: 'N10',
    title: 'tells each listener, and nobody who has ended it',
    why: 'a cache that is closed must leave nothing behind that works on',
    async test({ scene, mine, theirs, coherence, told, unlisten }) {
      const other = new Told()
      const end = coherence.listen(other)
      await mine.get('k')
      await theirs.set('k', scene.entry(1))
      await coherence.barrier()
      assert.ok(told.has('k') && other.has('k'), 'a listener was not told')
      unlisten()
      unlisten()
      await mine.get('k')
      told.forget()
      other.forget()
      await theirs.set('k', scene.entry(2))
      await coherence.barrier()
      assert.ok(other.has('k'), 'the listener that is left was not told')
      assert.ok(told.nothing, 'a listener was told that had ended it')
      end()
      await theirs.set('k', scene.entry(3))
      assert.ok(told.nothing)
    },
  }),
  coherenceCase({
    id: 'N11',
    title: 'tells keys by their texts, however long and of whatever characters',
    why: 'copies above are found by nothing else',
    async test({ scene, mine, theirs, coherence, told }) {
      for (const key of ['user:1', 'a b', 'ключ', '%', '~k', 'k'.repeat(3_000), ' '.repeat(900)]) {
        await mine.get(key)
        told.forget()
        await theirs.set(key, scene.entry('v'))
        await coherence.barrier([key])
        assert.ok(told.has(key), `a key of ${key.length} characters was not told`)
      }
    },
  }),
]
