import assert from 'node:assert/strict'
import type { BackendCase } from '../backend-subject.ts'
import { randomBytes, randomText } from '../random.ts'
import { backendCase, fails } from '../scene.ts'

const SIZES = [0, 1, 65_535, 65_536, 65_537, 1_000_000]

/** Group A: what goes in comes out, all of it and nothing else. */
export const roundTripCases: readonly BackendCase[] = [
  backendCase({
    id: 'A01',
    title: 'gives back the data that was set',
    why: 'a cache that changes a value is worse than none',
    async test({ backend, clock }) {
      const data = {
        id: 7,
        name: 'Ünïcode 👍',
        tags: ['a', 'b'],
        nested: { deep: [1.5, -2, null] },
      }
      const now = clock.now()
      const value = { data, staleAt: now + 30_000, expiresAt: now + 60_000 }
      assert.equal(await backend.set('k', value), undefined)
      assert.deepEqual((await backend.get('k'))?.data, data)
    },
  }),
  backendCase({
    id: 'A02',
    title: 'gives back both moments',
    why: 'who refreshes early, and who copies into another tier, goes by them',
    async test(scene) {
      const value = scene.entry('v', 3_600_000, 1_800_000)
      await scene.backend.set('k', value)
      const found = await scene.backend.get('k')
      scene.near(found?.staleAt, value.staleAt)
      scene.near(found?.expiresAt, value.expiresAt)
    },
  }),
  backendCase({
    id: 'A03',
    title: 'keeps an entry without an end, and says that it has none',
    why: 'an end that comes from nowhere is lost data',
    async test({ backend }) {
      await backend.set('k', { data: 'v', staleAt: Infinity, expiresAt: Infinity })
      const found = await backend.get('k')
      assert.equal(found?.data, 'v')
      assert.equal(found.staleAt, Infinity)
      assert.equal(found.expiresAt, Infinity)
    },
  }),
  backendCase({
    id: 'A04',
    title: 'takes a stale moment after the end for the end',
    why: 'staleAt <= expiresAt is what everybody relies on',
    async test(scene) {
      await scene.backend.set('k', { ...scene.entry('v', 1_000), staleAt: Infinity })
      const found = await scene.backend.get('k')
      assert.ok(found)
      assert.ok(found.staleAt <= found.expiresAt)
      scene.near(found.staleAt, found.expiresAt)
    },
  }),
  backendCase({
    id: 'A05',
    title: 'puts the newer value in place of the older',
    why: 'an old value after a write is what caches are blamed for',
    async test(scene) {
      await scene.backend.set('k', scene.entry({ old: true, more: 'than the new one has' }))
      await scene.backend.set('k', scene.entry({ new: true }))
      await scene.has('k', { new: true })
    },
  }),
  backendCase({
    id: 'A06',
    title: 'forgets the old stale moment on a write without one',
    why: 'stores with a field for it keep the field unless it is cleared',
    async test(scene) {
      await scene.backend.set('k', scene.entry('old', 60_000, 0))
      await scene.backend.set('k', { data: 'new', staleAt: Infinity, expiresAt: Infinity })
      const found = await scene.backend.get('k')
      assert.equal(found?.data, 'new')
      assert.equal(found.staleAt, Infinity)
    },
  }),
  backendCase({
    id: 'A07',
    title: 'forgets the old end on a write without one',
    why: 'stores with a lifetime of their own keep it unless it is cleared, and drop the new value early',
    async test(scene) {
      const old = scene.entry('old', 120)
      await scene.backend.set('k', old)
      await scene.backend.set('k', { data: 'new', staleAt: Infinity, expiresAt: Infinity })
      await scene.pass(old.expiresAt)
      const found = await scene.backend.get('k')
      assert.equal(found?.data, 'new')
      assert.equal(found.expiresAt, Infinity)
    },
  }),
  backendCase({
    id: 'A08',
    title: 'keeps the values of several keys apart',
    why: 'one key must never answer for another',
    async test(scene) {
      const keys = ['one', 'two', 'three']
      for (const key of keys) await scene.backend.set(key, scene.entry(`value of ${key}`))
      for (const key of keys) await scene.has(key, `value of ${key}`)
      await scene.backend.delete('two')
      await scene.has('one', 'value of one')
      await scene.has('three', 'value of three')
    },
  }),
  backendCase({
    id: 'A09',
    title: 'keeps every character of a text',
    why: 'a store that takes bytes for text breaks some of them',
    async test(scene) {
      const latin = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('')
      const texts = [latin, '\0', '\r\n', '\u2028\u2029', '👩‍👩‍👧‍👦', '漢字', '\ufeffmark', 'a\u0308']
      await scene.backend.set('k', scene.entry(texts))
      await scene.has('k', texts)
    },
  }),
  backendCase({
    id: 'A10',
    title: 'keeps texts of every size, from none to a million bytes',
    why: 'limits of buffers and chunks lie at powers of two',
    async test(scene) {
      for (const size of SIZES) {
        const text = randomText(size, size)
        await scene.backend.set(`size ${size}`, scene.entry(text))
        const found = await scene.backend.get<string>(`size ${size}`)
        assert.ok(found?.data === text, `a text of ${size} characters came back otherwise`)
      }
    },
  }),
  backendCase({
    id: 'A11',
    title: 'keeps bytes of every size, also views on larger buffers',
    why: 'a view that is stored with the whole buffer behind it leaks, and comes back too long',
    needs: ['structured'],
    async test(scene) {
      for (const size of SIZES.filter((bytes) => bytes < 1_000_000)) {
        const bytes = randomBytes(size + 64, size)
        await scene.backend.set('view', scene.entry(bytes.subarray(32, 32 + size)))
        const found = await scene.backend.get<Uint8Array>('view')
        assert.ok(found?.data instanceof Uint8Array, 'bytes are no bytes any more')
        const same = Buffer.compare(found.data, bytes.subarray(32, 32 + size)) === 0
        assert.ok(same, `${size} bytes came back otherwise`)
      }
      const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await scene.backend.set('all', scene.entry(all))
      assert.deepEqual([...((await scene.backend.get<Uint8Array>('all'))?.data ?? [])], [...all])
    },
  }),
  backendCase({
    id: 'A12',
    title: 'keeps dates, maps, sets, bigints and undefined',
    why: 'what a memory tier returns, a shared tier must return too',
    needs: ['structured'],
    async test(scene) {
      const data = {
        date: new Date(1_700_000_000_000),
        map: new Map<string, unknown>([['a', new Set([1, 2])]]),
        big: 2n ** 70n,
        nothing: undefined,
        list: [undefined, Number.NaN, -Infinity],
      }
      await scene.backend.set('k', scene.entry(data))
      await scene.has('k', data)
    },
  }),
  backendCase({
    id: 'A13',
    title: 'is not changed by what happens to a value after it was set',
    why: 'an object that its owner goes on using is a different one later',
    needs: ['copies'],
    async test(scene) {
      const data = { list: [1, 2, 3], inner: { name: 'before' } }
      const setting = scene.backend.set('k', scene.entry(data))
      data.list.push(4)
      data.inner.name = 'after'
      await setting
      await scene.has('k', { list: [1, 2, 3], inner: { name: 'before' } })
    },
  }),
  backendCase({
    id: 'A14',
    title: 'is not changed by what a reader does to a value',
    why: 'one caller must not reach into what another one gets',
    needs: ['copies'],
    async test(scene) {
      await scene.backend.set('k', scene.entry({ list: [1, 2, 3] }))
      const found = await scene.backend.get<{ list: number[] }>('k')
      found?.data.list.push(4)
      await scene.has('k', { list: [1, 2, 3] })
    },
  }),
  backendCase({
    id: 'A15',
    title: 'gives out bytes that no later operation writes to',
    why: 'formats and drivers reuse their buffers',
    needs: ['copies', 'structured'],
    async test(scene) {
      await scene.backend.set('k', scene.entry(new Uint8Array(100).fill(1)))
      const found = await scene.backend.get<Uint8Array>('k')
      for (let index = 0; index < 50; index += 1) {
        await scene.backend.set(`other ${index}`, scene.entry(new Uint8Array(100).fill(2)))
        await scene.backend.get(`other ${index}`)
      }
      found?.data.fill(3, 0, 50)
      assert.ok(found?.data.subarray(50).every((byte) => byte === 1))
      const again = await scene.backend.get<Uint8Array>('k')
      assert.ok(again?.data.every((byte) => byte === 1))
    },
  }),
  backendCase({
    id: 'A16',
    title: 'refuses a value past its limit with TOO_LARGE, and leaves nothing under its key',
    why: 'a huge value must not be there in part, nor the old one that it was to replace',
    needs: ['limit'],
    async test(scene) {
      const large = randomText(scene.use('limit') + 1)
      await scene.backend.set('k', scene.entry('old'))
      await fails('TOO_LARGE', () => scene.backend.set('k', scene.entry(large)))
      await scene.lacks('k')
      await scene.backend.set('k', scene.entry('small'))
      await scene.has('k', 'small')
    },
  }),
  backendCase({
    id: 'A17',
    title: 'never gives back a prototype for a key named __proto__',
    why: 'a value from outside must not change the objects of the program',
    needs: ['copies'],
    async test(scene) {
      const data: unknown = JSON.parse('{"a":1,"__proto__":{"polluted":true}}')
      try {
        await scene.backend.set('k', scene.entry(data))
      } catch {
        return // To refuse such a value is as good.
      }
      const found = (await scene.backend.get<Record<string, unknown>>('k'))?.data
      assert.ok(found)
      assert.equal(Object.getPrototypeOf(found), Object.prototype)
      assert.equal(found['a'], 1)
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    },
  }),
  backendCase({
    id: 'A18',
    title: 'gives back what travels with a value, and forgets that of the value before',
    why: 'early refresh, serving on error and invalidation by tags are decided by it',
    needs: ['meta'],
    async test(scene) {
      const { backend } = scene
      const value = scene.entry('v')
      const meta = {
        madeAt: scene.clock.now() - 1_000,
        usableUntil: value.expiresAt - 10_000,
        loadMs: 12,
        tags: { 'org:7': 'a1', 'org:8': '' },
      }
      await backend.set('k', { ...value, meta })
      const found = (await backend.get('k'))?.meta
      scene.near(found?.madeAt, meta.madeAt)
      scene.near(found?.usableUntil, meta.usableUntil)
      assert.equal(found?.loadMs, meta.loadMs)
      assert.deepEqual({ ...found.tags }, meta.tags)
      await backend.set('k', value)
      const plain = (await backend.get('k'))?.meta
      assert.equal(plain?.usableUntil, undefined)
      assert.equal(plain?.loadMs, undefined)
      assert.equal(plain?.tags, undefined)
    },
  }),
]
