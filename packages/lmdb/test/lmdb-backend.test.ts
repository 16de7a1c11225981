import { statSync } from 'node:fs'
import { CacheError, cacheValue, forever, type ItemResult, seconds } from '@hitbox/core'
import { gzip } from '@hitbox/compressors'
import { json } from '@hitbox/formats/json'
import { expectNoLeaks, manualClock } from '@hitbox/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { lmdbBackend } from '../src/index.ts'
import { storeOfTest } from './store.ts'

const store = storeOfTest()
const lasting = <T>(data: T) => cacheValue(data, { ttl: '1h' })

describe('lmdbBackend', () => {
  it('keeps values over closing and opening', async () => {
    const first = store.open()
    await first.set('a', lasting({ name: 'Ada' }))
    await first.close()
    expect((await store.open().get('a'))?.data).toEqual({ name: 'Ada' })
  })

  it('answers every operation at once', async () => {
    const backend = store.open()
    expect(backend.set('a', lasting(1))).toBeUndefined()
    expect(backend.get('a')).toMatchObject({ data: 1 })
    expect(backend.delete('a')).toEqual({ status: 'deleted', count: 1 })
    expect(backend.getMany(['a'])).toEqual([{ ok: true, value: undefined }])
  })

  it('opens nothing until it is used', async () => {
    const backend = store.open()
    expect(() => store.file).not.toThrow()
    expect(store.file).toMatch(/none$/)
    await backend.ready()
    expect(store.file).toMatch(/\.mdb$/)
  })

  it('lets two backends of one process share a store, and closes one without the other', async () => {
    const [first, second] = [store.open(), store.open({ label: 'second' })]
    await first.set('a', lasting(1))
    expect(second.get('a')).toMatchObject({ data: 1 })
    await second.set('a', lasting(2))
    expect(first.get('a')).toMatchObject({ data: 2 })
    await first.close()
    expect(second.get('a')).toMatchObject({ data: 2 })
    await second.set('b', lasting(3))
    expect(second.get('b')).toMatchObject({ data: 3 })
    const third = store.open()
    expect(third.get('b')).toMatchObject({ data: 3 })
  })

  it('keeps the last of two large values that one batch sets under one key', async () => {
    const backend = store.open()
    const large = (fill: number) => lasting(new Uint8Array(200_000).fill(fill))
    await backend.setMany([
      ['k', large(1)],
      ['other', large(2)],
      ['k', large(3)],
    ])
    expect((backend.get('k') as { data: Uint8Array }).data[199_999]).toBe(3)
    expect(backend.delete('k')).toMatchObject({ count: 1 })
    expect(backend.get('k')).toBeUndefined()
  })

  it('gives copies that later reads do not change', async () => {
    const backend = store.open({ valueFormat: { ...json, id: 'bytes', encode: asBytes, decode } })
    for (const size of [10, 5_000, 100_000]) {
      await backend.set('one', lasting(new Uint8Array(size).fill(1)))
      await backend.set('two', lasting(new Uint8Array(size).fill(2)))
      const one = (await backend.get<Uint8Array>('one'))!.data
      await backend.get('two')
      await backend.set('one', lasting(new Uint8Array(size).fill(3)))
      expect(one.every((byte) => byte === 1)).toBe(true)
    }
  })

  it('keeps values whole that are compressed off the event loop while others are read', async () => {
    const backend = store.open({ compressor: gzip() })
    const text = (index: number) => `${index}-${'lorem ipsum '.repeat(30_000)}`
    const indexes = Array.from({ length: 12 }, (_, index) => index)
    await Promise.all(indexes.map(async (index) => backend.set(`k${index}`, lasting(text(index)))))
    const found = await Promise.all(indexes.map(async (index) => backend.get<string>(`k${index}`)))
    expect(found.map((value) => value?.data)).toEqual(indexes.map(text))
    const together = await backend.getMany<string>(indexes.map((index) => `k${index}`))
    expect(together).toMatchObject(indexes.map((index) => ({ value: { data: text(index) } })))
  })

  it('takes keys of any length and any characters', async () => {
    const backend = store.open()
    const keys = ['x'.repeat(5_000), 'ß'.repeat(1_000), '\u0000', '\ud800', '😀', 'user:v2:id=42']
    for (const key of keys) await backend.set(key, lasting(key.length))
    expect(keys.map((key) => backend.get(key))).toMatchObject(
      keys.map((key) => ({ data: key.length })),
    )
  })

  it('leaves nothing behind when it is closed', async () => {
    await expectNoLeaks(async () => {
      const backend = lmdbBackend({ path: store.path })
      await backend.set('a', lasting(1))
      await backend.get('a')
      await backend.close()
      await backend.close()
      expect(() => backend.get('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    })
  })

  it('refuses options that it does not know or cannot use', async () => {
    const path = store.path
    for (const options of [
      {},
      { path: '' },
      { path, maxBytes: 1_000 },
      { path, maxBytes: 1.5e7 + 0.5 },
      { path, onFull: 'grow' },
      { path, sweepEvery: '0s' },
      { path, sweepEvery: forever },
      { path, label: 'a.b' },
      { path, keyFormat: {} },
      { path, maxKeys: 3 },
    ]) {
      expect(() => lmdbBackend(options as { path: string })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      )
    }
  })
})

describe('lmdbBackend, time', () => {
  afterEach(() => {
    vi.useRealTimers()
  })
  /** Moves the wall clock of this process, and only that. */
  const setWall = (to: number) => vi.useFakeTimers({ toFake: ['Date'], now: to })

  it('counts the age of a value over restarts, by the wall clock', async () => {
    setWall(1_000_000)
    const clock = manualClock()
    const first = store.open({ clock })
    await first.set('a', cacheValue(1, { ttl: seconds(10), clock }))
    await first.close()
    setWall(1_007_000)
    const later = manualClock({ startAt: 5 })
    const second = store.open({ clock: later })
    expect(second.get('a')).toMatchObject({ data: 1, expiresAt: 5 + 3_000 })
    setWall(1_010_000)
    expect(second.get('a')).toBeUndefined()
    expect(second.delete('a')).toEqual({ status: 'missing', count: 0 })
  })

  it('never makes a life longer than its ttl when the wall clock is set back', async () => {
    setWall(1_000_000)
    const clock = manualClock()
    const backend = store.open({ clock })
    await backend.set('a', cacheValue(1, { ttl: seconds(10), clock }))
    setWall(1_000)
    expect(backend.get('a')).toMatchObject({ expiresAt: clock.now() + 10_000 })
  })

  it('sweeps what has ended, a bounded number per turn, and nothing else', async () => {
    setWall(1_000_000)
    const clock = manualClock()
    const backend = store.open({ clock, sweepEvery: '10s' })
    const other = store.open({ clock, sweepEvery: '7d' })
    const entries = Array.from({ length: 600 }, (_, index) => {
      return [`ends:${index}`, cacheValue(index, { ttl: seconds(5), clock })] as const
    })
    await backend.setMany(entries)
    await backend.set('ends:1', cacheValue('again', { ttl: '1h', clock }))
    await backend.set('endless', cacheValue(1, { ttl: forever, clock }))
    // Seen from a time at which none has ended, what is in the file can be read.
    const inFile = () => entries.filter(([key]) => otherHas(key)).length
    const otherHas = (key: string) => {
      const [result] = other.getMany([key]) as ItemResult<unknown>[]
      return result?.ok === true && result.value !== undefined
    }
    expect(inFile()).toBe(600)
    setWall(1_006_000)
    clock.advance('10s')
    setWall(1_000_000)
    expect(inFile()).toBe(600 - 256)
    setWall(1_006_000)
    clock.advance('1s')
    setWall(1_000_000)
    expect(inFile()).toBe(1)
    expect(backend.get('endless')).toMatchObject({ data: 1 })
    setWall(9e12)
    clock.advance('1h')
    expect(backend.delete('ends:1')).toMatchObject({ count: 0 })
    expect(backend.delete('endless')).toMatchObject({ count: 1 })
  })
})

describe('lmdbBackend, full', () => {
  const maxBytes = 8 * 2 ** 20
  const large = (turn: number) => lasting(new Uint8Array(65_536).fill(turn % 251))

  it('makes room under "evict": the latest values stay, and the file stays near its size', async () => {
    const backend = store.open({ maxBytes })
    const turns = 800
    for (let turn = 0; turn < turns; turn += 1) {
      await backend.set(`k${turn}`, large(turn))
      expect(backend.get(`k${turn}`)).toBeDefined()
    }
    const present = Array.from({ length: turns }, (_, turn) => backend.get(`k${turn}`))
    expect(present.slice(-60).every((value) => value !== undefined)).toBe(true)
    expect(present.slice(0, -120).every((value) => value === undefined)).toBe(true)
    expect(statSync(store.file).size).toBeLessThan(maxBytes * 1.1)
    expect(backend.stats().errors).toBe(0)
  })

  it('keeps the file near its size when values are of very different sizes', async () => {
    const backend = store.open({ maxBytes })
    for (let turn = 0; turn < 1_500; turn += 1) {
      const size = turn % 3 === 0 ? 200 + ((turn * 7_919) % 400_000) : 100 + (turn % 3_000)
      await backend.set(`k${(turn * 31) % 1_000}`, lasting(new Uint8Array(size)))
    }
    expect(statSync(store.file).size).toBeLessThan(maxBytes * 1.5)
    expect(backend.stats().errors).toBe(0)
  })

  it('evicts what has ended first, then what was written longest ago, whatever ends soonest', async () => {
    const clock = manualClock()
    const backend = store.open({ maxBytes, clock, sweepEvery: '7d' })
    const put = async (key: string, ttl: '1s' | '1m' | '30d') =>
      backend.set(key, { ...large(1), ...momentsOf(clock.now(), ttl) })
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000 })
    for (let turn = 0; turn < 40; turn += 1) await put(`ended:${turn}`, '1s')
    for (let turn = 0; turn < 48; turn += 1) await put(`long:${turn}`, '30d')
    vi.setSystemTime(1_002_000)
    for (let turn = 0; turn < 30; turn += 1) await put(`short:${turn}`, '1m')
    const count = (prefix: string) =>
      Array.from({ length: 48 }, (_, turn) => backend.get(`${prefix}:${turn}`)).filter(Boolean)
        .length
    expect(count('long')).toBe(48)
    expect(count('short')).toBe(30)
    vi.setSystemTime(1_003_000)
    for (let turn = 0; turn < 30; turn += 1) await put(`new:${turn}`, '1m')
    expect(count('new')).toBe(30)
    vi.useRealTimers()
  })

  it('fails under "fail", leaves what is there, and takes writes again after a delete', async () => {
    const backend = store.open({ maxBytes, onFull: 'fail' })
    let error: unknown
    let stored = 0
    while (error === undefined) {
      try {
        await backend.set(`k${stored}`, large(stored))
        stored += 1
      } catch (thrown) {
        error = thrown
      }
    }
    expect(CacheError.is(error, 'BACKEND_FAILED') && error.message).toMatch(/is full.*"onFull"/)
    expect(stored).toBeGreaterThan(70)
    for (let turn = 0; turn < stored; turn += 1) expect(backend.get(`k${turn}`)).toBeDefined()
    // In place of what is there, there is room.
    await backend.set('k3', large(99))
    expect((backend.get('k3') as { data: Uint8Array }).data[0]).toBe(99)
    for (let turn = 0; turn < 8; turn += 1) await backend.delete(`k${turn}`)
    await backend.set('again', large(7))
    expect(backend.get('again')).toBeDefined()
  })

  it('takes the old value away when the new one is refused for its size', async () => {
    const backend = store.open({ maxBytes: 2 ** 20, maxValueBytes: 2 ** 22 })
    await backend.set('k', lasting('old'))
    expect(() => backend.set('k', lasting(new Uint8Array(2 ** 20)))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
    expect(backend.get('k')).toBeUndefined()
    await backend.set('k', lasting('new'))
    expect(backend.get('k')).toMatchObject({ data: 'new' })
  })

  it('tells what it evicts', async () => {
    const evicted: string[] = []
    const backend = store.open({
      maxBytes: 2 ** 20,
      onEvent: (event) => {
        if (event.type === 'evict') evicted.push(event.key)
      },
    })
    for (let turn = 0; turn < 40; turn += 1) await backend.set(`k ${turn}`, large(turn))
    expect(evicted).toContain('k 0')
    for (const key of evicted) expect(backend.get(key)).toBeUndefined()
  })
})

function momentsOf(now: number, ttl: '1s' | '1m' | '30d'): { staleAt: number; expiresAt: number } {
  const expiresAt = now + { '1s': 1_000, '1m': 60_000, '30d': 30 * 86_400_000 }[ttl]
  return { staleAt: expiresAt, expiresAt }
}

function asBytes(value: unknown): Uint8Array {
  return value as Uint8Array
}

/** Breaks the rule of formats on purpose: gives a view on what it was given. */
function decode(bytes: Uint8Array): unknown {
  return bytes
}
