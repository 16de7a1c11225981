import {
  CacheError,
  type CacheEvent,
  cacheValue,
  type CacheValue,
  createContext,
  type Format,
  systemClock,
} from '@hitbox/core'
import { json } from '@hitbox/formats/json'
import { expectNoLeaks, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { type MemoryBackend, type MemoryBackendOptions, memoryBackend } from '../src/index.ts'

const endless = <T>(data: T): CacheValue<T> => ({ data, staleAt: Infinity, expiresAt: Infinity })
const invalid = expect.objectContaining({ code: 'INVALID_OPTION' })

describe('memoryBackend', () => {
  it('gives every reader the object that was set, and the same entry', () => {
    const memory = memoryBackend({ maxEntries: 2 })
    const data = { name: 'Ada' }
    memory.set('a', cacheValue(data, { ttl: '1m' }))
    expect(memory.get('a')?.data).toBe(data)
    expect(memory.get('a')).toBe(memory.get('a'))
    expect(memory.peek('a')).toBe(memory.get('a'))
  })

  it('takes any form of key as the same key', () => {
    const memory = memoryBackend({ maxEntries: 5 })
    memory.set(['user', 42], endless(1))
    expect(memory.get('user:42')?.data).toBe(1)
    expect(memory.delete(['user', 42]).count).toBe(1)
  })

  it('is not changed by what happens to the entry that was passed in', () => {
    const memory = memoryBackend({ maxEntries: 1 })
    const entry = { data: 1, staleAt: Infinity, expiresAt: Infinity }
    memory.set('a', entry)
    entry.expiresAt = 0
    expect(memory.get('a')?.expiresAt).toBe(Infinity)
  })

  it('removes what was there when it is set to something that has ended', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 1, clock })
    memory.set('a', endless(1))
    memory.set('a', { data: 2, staleAt: clock.now(), expiresAt: clock.now() })
    expect(memory.get('a')).toBeUndefined()
    expect(memory.size).toBe(0)
  })

  it('finds nothing to delete where an entry has ended', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 1, clock })
    memory.set('a', cacheValue(1, { ttl: '1s', clock }))
    expect(memory.delete('b')).toEqual({ status: 'missing', count: 0 })
    clock.advance('999ms')
    expect(memory.delete('a')).toEqual({ status: 'deleted', count: 1 })
    memory.set('a', cacheValue(1, { ttl: '500ms', clock }))
    clock.advance('500ms')
    expect(memory.delete('a')).toEqual({ status: 'missing', count: 0 })
  })

  it('counts and tells what happens, and fills a context', () => {
    const clock = manualClock()
    const events: CacheEvent[] = []
    const memory = memoryBackend({
      maxEntries: 1,
      label: 'l1',
      clock,
      onEvent: (event) => events.push(event),
    })
    memory.get('a')
    memory.set('a', cacheValue(1, { ttl: '10s', staleAfter: '5s', clock }))
    memory.get('a')
    clock.advance('6s')
    const context = createContext()
    memory.get('a', { context })
    expect(context).toMatchObject({ status: 'stale', source: 'l1', ttlMs: 4_000 })
    clock.advance('3999ms')
    memory.get('a')
    clock.advance('1ms')
    memory.get('a', { context })
    expect(context.missReason).toBe('expired')
    memory.set('b', endless(1))
    memory.set('c', endless(1))
    memory.delete('c')
    const source = 'l1'
    expect(events).toEqual([
      { type: 'miss', source, key: 'a', reason: 'absent' },
      { type: 'write', source, key: 'a', bytes: undefined },
      { type: 'hit', source, key: 'a', stale: false },
      { type: 'hit', source, key: 'a', stale: true },
      { type: 'hit', source, key: 'a', stale: true },
      { type: 'miss', source, key: 'a', reason: 'expired' },
      { type: 'write', source, key: 'b', bytes: undefined },
      { type: 'write', source, key: 'c', bytes: undefined },
      { type: 'evict', source, key: 'b' },
      { type: 'delete', source, key: 'c', count: 1 },
    ])
    const counts = { hits: 3, misses: 2, writes: 3, deletes: 1, errors: 0, dropped: {} }
    expect(memory.stats()).toEqual(counts)
  })

  it('lets a listener use the backend while it is told of an eviction', () => {
    const memory = memoryBackend({
      maxEntries: 2,
      onEvent: (event) => {
        if (event.type === 'evict' && event.key === 'a') memory.set('again', endless(3))
      },
    })
    for (const key of ['a', 'b', 'c']) memory.set(key, endless(key))
    expect(memory.get('again')?.data).toBe(3)
    expect(memory.size).toBe(2)
    expect(memory.get('c')?.data).toBe('c')
  })

  it('answers a peek without a trace', () => {
    const clock = manualClock()
    const events: string[] = []
    const options = {
      maxEntries: 2,
      clock,
      onEvent: (event: CacheEvent) => events.push(event.type),
    }
    const memory = memoryBackend(options)
    memory.set('a', cacheValue(1, { ttl: '1s', clock }))
    memory.set('b', endless(2))
    const before = memory.stats()
    events.length = 0
    expect(memory.peek('a')?.data).toBe(1)
    expect(memory.peek('nothing')).toBeUndefined()
    expect([memory.stats(), events]).toEqual([before, []])
    // The peek did not make "a" the one used last.
    memory.set('c', endless(3))
    expect(memory.peek('a')).toBeUndefined()
    expect(memory.peek('b')?.data).toBe(2)
  })

  it('has at once what is fresh to the millisecond, counted and told, and nothing else', () => {
    const clock = manualClock()
    const events: CacheEvent[] = []
    const memory = memoryBackend({ maxEntries: 2, clock, onEvent: (event) => events.push(event) })
    memory.set('stale', cacheValue(2, { ttl: '1m', staleAfter: '0ms', clock }))
    memory.set('soon', cacheValue(3, { ttl: '10ms', clock }))
    events.length = 0
    expect(memory.hit('stale')).toBeUndefined()
    expect(memory.hit('none')).toBeUndefined()
    clock.advance('9ms')
    expect(memory.hit('soon')?.data).toBe(3)
    clock.advance('1ms')
    expect(memory.hit('soon')).toBeUndefined()
    expect(memory.stats()).toMatchObject({ hits: 1, misses: 0 })
    expect(events).toEqual([{ type: 'hit', source: 'memory', key: 'soon', stale: false }])
  })

  it('takes a hit at once for a use', () => {
    const memory = memoryBackend({ maxEntries: 2, eviction: 'lru' })
    memory.set('a', endless(1))
    memory.set('b', endless(2))
    expect(memory.hit('a')?.data).toBe(1)
    memory.set('c', endless(3))
    expect([memory.peek('a')?.data, memory.peek('b')?.data]).toEqual([1, undefined])
  })

  it('takes nothing for a use that it does not give at once', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 2, eviction: 'lru', clock })
    memory.set('stale', cacheValue(1, { ttl: '1m', staleAfter: '0ms', clock }))
    memory.set('b', endless(2))
    expect(memory.hit('stale')).toBeUndefined()
    memory.set('c', endless(3))
    expect([memory.peek('stale'), memory.peek('b')?.data]).toEqual([undefined, 2])
  })

  it('has at once a copy of what is encoded', () => {
    const memory = memoryBackend({ maxEntries: 2, values: 'encoded', valueFormat: json })
    memory.set('k', endless({ a: 1 }))
    const first = memory.hit('k')
    expect(first?.data).toEqual({ a: 1 })
    expect(memory.hit('k')?.data).not.toBe(first?.data)
  })

  it('reads the clock for a hit only when somebody wants it explained', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 9, clock })
    memory.set('k', cacheValue(1, { ttl: '1m', clock }))
    memory.get('k')
    let looks = 0
    const now = clock.now.bind(clock)
    clock.now = () => {
      looks += 1
      return now()
    }
    memory.get('k')
    memory.hit('k')
    memory.getMany(['k', 'k'])
    expect(looks).toBe(0)
    memory.get('k', { context: createContext() })
    expect(looks).toBe(1)
  })

  it('explains each key of a batch', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 9, clock })
    memory.set('fresh', cacheValue(1, { ttl: '1m', clock }))
    memory.set('over', cacheValue(2, { ttl: '10ms', clock }))
    clock.advance('10ms')
    const contexts = Array.from({ length: 5 }, createContext)
    memory.getMany(['fresh', 'over', 'none', 'fresh'], { contexts })
    const hit = { status: 'hit', source: 'memory', ttlMs: 59_990, missReason: undefined }
    expect(contexts).toMatchObject([
      hit,
      { status: 'forward', missReason: 'expired' },
      { status: 'forward', missReason: 'absent' },
      hit,
      createContext(),
    ])
    expect(memory.getMany(['fresh'], { contexts: [] })).toMatchObject([{ value: { data: 1 } }])
  })

  it('drops everything at once, untold, and goes on', () => {
    const clock = manualClock()
    const events: CacheEvent[] = []
    const memory = memoryBackend({
      maxBytes: 100,
      sizeOf: () => 10,
      clock,
      onEvent: (event) => events.push(event),
    })
    for (const key of ['a', 'b']) memory.set(key, cacheValue(1, { ttl: '1m', clock }))
    const before = memory.stats()
    events.length = 0
    memory.clear()
    expect([memory.size, memory.bytes, clock.pendingTimers]).toEqual([0, 0, 0])
    expect([memory.stats(), events]).toEqual([before, []])
    expect(memory.get('a')).toBeUndefined()
    // What comes later is swept as ever.
    memory.set('c', cacheValue(3, { ttl: '1m', clock }))
    expect(memory.get('c')?.data).toBe(3)
    clock.advance('2m')
    expect([memory.size, clock.pendingTimers]).toEqual([0, 0])
  })

  it('drops everything when it is closed, once and for all', async () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 2, clock })
    memory.set('a', cacheValue(1, { ttl: '1m', clock }))
    await memory.close()
    await memory[Symbol.asyncDispose]()
    expect([memory.size, clock.pendingTimers]).toEqual([0, 0])
    const closed = expect.objectContaining({ code: 'CLOSED' })
    expect(() => memory.get('a')).toThrow(closed)
    expect(() => memory.peek('a')).toThrow(closed)
    expect(() => memory.set('a', endless(1))).toThrow(closed)
    expect(() => memory.delete('a')).toThrow(closed)
    expect(() => memory.getMany(['a'])).toThrow(closed)
    expect(() => memory.setMany([])).toThrow(closed)
    expect(() => memory.deleteMany([])).toThrow(closed)
    expect(() => memory.clear()).toThrow(closed)
    await expect(memory.ready()).rejects.toThrow(closed)
  })

  it('leaves nothing behind', async () => {
    await expectNoLeaks(async () => {
      const memory = memoryBackend({ maxEntries: 10 })
      memory.set('a', cacheValue(1, { ttl: '1h' }))
      memory.get('a')
      await memory.close()
    })
  })

  it('refuses options that it does not know or cannot use', () => {
    const valueFormat = json
    for (const options of [
      undefined,
      {},
      { label: 'l1' },
      { maxEntries: 0 },
      { maxEntries: 1.5 },
      { maxEntries: Infinity },
      { maxEntries: 10_000_001 },
      { maxEntries: '5' },
      { maxEntry: 5 },
      { maxBytes: 100 },
      { maxBytes: 0, sizeOf: () => 1 },
      { maxEntries: 5, sizeOf: () => 1 },
      { maxEntries: 5, values: 'cloned' },
      { maxEntries: 5, values: 'encoded' },
      { maxEntries: 5, values: 'encoded', valueFormat: {} },
      { maxBytes: 5, values: 'encoded', valueFormat, sizeOf: () => 1 },
      { maxEntries: 5, valueFormat },
      { maxEntries: 5, eviction: 'fifo' },
      { maxEntries: 5, eviction: null },
      { maxEntries: 5, eviction: ['lru'] },
      { maxEntries: 5, label: 'a.b' },
      { maxEntries: 5, clock: {} },
      { maxEntries: 5, onEvent: {} },
    ]) {
      expect(() => memoryBackend(options as unknown as MemoryBackendOptions)).toThrow(invalid)
    }
  })
})

describe('memoryBackend, entries', () => {
  it('keeps a stale moment that is after the end as the end, whatever the form of the entry', () => {
    const memory = memoryBackend({ maxEntries: 9 })
    const end = systemClock.now() + 60_000
    const kept = { data: 1, staleAt: end, expiresAt: end }
    memory.set('late', { data: 1, staleAt: Infinity, expiresAt: end })
    memory.set('with nothing more', { data: 1, staleAt: Infinity, expiresAt: end, meta: undefined })
    memory.set('with more', { ...kept, meta: { madeAt: 1 } })
    expect(memory.peek('late')).toEqual(kept)
    expect(memory.peek('with nothing more')).toEqual(kept)
    expect(memory.peek('with more')).toEqual({ ...kept, meta: { madeAt: 1 } })
  })

  it.each([
    undefined,
    null,
    1,
    {},
    { data: 1, expiresAt: 1e15 },
    { data: 1, staleAt: 1e15 },
    { data: 1, staleAt: '1e15', expiresAt: '1e15' },
    { data: 1, staleAt: 1e15, expiresAt: '1e15' },
    { data: 1, staleAt: Number.NaN, expiresAt: 1e15 },
    { data: 1, staleAt: 1e15, expiresAt: Number.NaN },
  ])('refuses %j for an entry, and has changed nothing', (entry) => {
    const memory = memoryBackend({ maxEntries: 9 })
    memory.set('a', endless('old'))
    expect(() => memory.set('a', entry as unknown as CacheValue<number>)).toThrow(invalid)
    expect(memory.peek('a')?.data).toBe('old')
  })
})

describe('memoryBackend, eviction', () => {
  it('names the option, what it takes and what it got', () => {
    const options = { maxEntries: 5, eviction: 'fifo' } as unknown as MemoryBackendOptions
    let error: unknown
    try {
      memoryBackend(options)
    } catch (thrown) {
      error = thrown
    }
    if (!CacheError.is(error, 'INVALID_OPTION')) throw error
    expect(error.details).toMatchObject({ option: 'eviction', value: 'fifo' })
    for (const word of ['"eviction"', 'lru', 'sieve', 's3-fifo', 'fifo']) {
      expect(error.message).toContain(word)
    }
  })

  it('is s3-fifo where nothing is said: what was dropped and comes back soon stays', () => {
    const memory = memoryBackend({ maxEntries: 100 })
    for (let index = 0; index < 100; index += 1) memory.set(`first:${index}`, endless(index))
    memory.set('other', endless(1))
    // It has been pushed out by that, and is not new when it comes back: a hundred others do not push it out again.
    expect(memory.peek('first:0')).toBeUndefined()
    memory.set('first:0', endless(0))
    for (let index = 0; index < 150; index += 1) memory.set(`once:${index}`, endless(index))
    expect([memory.peek('first:0')?.data, memory.peek('other')]).toEqual([0, undefined])
  })
})

describe('memoryBackend, bounds', () => {
  it('drops the entry that was used least recently, where that is wanted', () => {
    const memory = memoryBackend({ maxEntries: 3, eviction: 'lru' })
    for (const key of ['a', 'b', 'c']) memory.set(key, endless(key))
    memory.get('a')
    memory.set('b', endless('again'))
    memory.set('d', endless('d'))
    expect(['a', 'b', 'c', 'd'].map((key) => memory.peek(key)?.data)).toEqual([
      'a',
      'again',
      undefined,
      'd',
    ])
  })

  it('holds as many bytes as it may, and by that as many entries as fit', () => {
    const memory = memoryBackend({ maxBytes: 100, sizeOf: (data) => Number(data) })
    memory.set('a', endless(40))
    memory.set('b', endless(60))
    expect([memory.size, memory.bytes]).toEqual([2, 100])
    memory.set('c', endless(1))
    expect([memory.peek('a'), memory.size, memory.bytes]).toEqual([undefined, 2, 61])
    memory.set('b', endless(99))
    expect([memory.size, memory.bytes]).toEqual([2, 100])
    memory.delete('b')
    expect(memory.bytes).toBe(1)
  })

  it('holds to both bounds', () => {
    const memory = memoryBackend({ maxEntries: 2, maxBytes: 100, sizeOf: () => 10 })
    for (const key of ['a', 'b', 'c']) memory.set(key, endless(key))
    expect([memory.size, memory.bytes]).toEqual([2, 20])
  })

  it('refuses an entry that is larger than the bound, and keeps no old value in its place', () => {
    const memory = memoryBackend({ maxBytes: 100, sizeOf: (data) => Number(data) })
    memory.set('a', endless(50))
    memory.set('b', endless(50))
    let error: unknown
    try {
      memory.set('a', endless(101))
    } catch (thrown) {
      error = thrown
    }
    expect(CacheError.is(error, 'TOO_LARGE') && error.details).toEqual({
      bytes: 101,
      maxBytes: 100,
    })
    expect(memory.get('a')).toBeUndefined()
    expect(memory.get('b')?.data).toBe(50)
    expect(memory.stats().errors).toBe(1)
  })

  it.each([
    ['nothing', undefined],
    ['0', 0],
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['a text', '5'],
    ['less than nothing', -3],
    ['no end', Infinity],
  ])('is not harmed by a sizeOf that gives %s', (_, size) => {
    const memory = memoryBackend({
      maxBytes: 100,
      sizeOf: (data) => (data === 'bad' ? (size as number) : 10),
    })
    memory.set('a', endless('good'))
    expect(() => memory.set('a', endless('bad'))).toThrow(invalid)
    expect(memory.get('a')).toBeUndefined()
    for (let index = 0; index < 50; index += 1) memory.set(`k${index}`, endless('good'))
    expect([memory.size, memory.bytes]).toEqual([10, 100])
  })

  it('is not harmed by a sizeOf that throws', () => {
    const cause = new Error('no idea')
    const memory = memoryBackend({
      maxBytes: 100,
      sizeOf: () => {
        throw cause
      },
    })
    expect(() => memory.set('a', endless(1))).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', cause }),
    )
    expect([memory.size, memory.bytes]).toEqual([0, 0])
  })

  it('holds its bound, and what it needs for it, over a million keys', () => {
    const memory = memoryBackend({ maxEntries: 1_000, eviction: 'lru' })
    for (let index = 0; index < 1_000_000; index += 1) memory.set(`key:${index}`, endless(index))
    expect(memory.size).toBe(1_000)
    expect(memory.get('key:999000')?.data).toBe(999_000)
    expect(memory.get('key:998999')).toBeUndefined()
  })

  it('takes no longer to delete the last entry of a large backend than of a small one', () => {
    const timeOf = (maxEntries: number): number => {
      const memory = memoryBackend({ maxEntries })
      const begin = performance.now()
      for (let turn = 0; turn < 2_000; turn += 1) {
        memory.set('a', endless(turn))
        memory.delete('a')
      }
      return performance.now() - begin
    }
    timeOf(10)
    // Clearing a million places takes milliseconds: 2,000 times would be seconds.
    expect(timeOf(1_000_000)).toBeLessThan(500)
  })
})

describe.each(['lru', 'sieve', 's3-fifo'] as const)('memoryBackend, %s', (eviction) => {
  it(`${eviction === 'lru' ? 'loses' : 'keeps'} what is asked for often when much is asked for once`, () => {
    const memory = memoryBackend({ maxEntries: 100, eviction })
    const hot = Array.from({ length: 50 }, (_, index) => `hot:${index}`)
    for (const key of hot) memory.set(key, endless(key))
    for (let use = 0; use < 3; use += 1) for (const key of hot) memory.get(key)
    for (let index = 0; index < 120; index += 1) memory.set(`once:${index}`, endless(index))
    const kept = hot.filter((key) => memory.peek(key) !== undefined).length
    expect(kept).toBe(eviction === 'lru' ? 0 : 50)
    expect(memory.size).toBe(100)
  })

  it('holds one entry where that is the bound', () => {
    const memory = memoryBackend({ maxEntries: 1, eviction })
    for (let index = 0; index < 100; index += 1) {
      memory.set(`key:${index % 3}`, endless(index))
      for (let use = 0; use < index % 5; use += 1) memory.get(`key:${index % 3}`)
      expect([memory.size, memory.peek(`key:${index % 3}`)?.data]).toEqual([1, index])
    }
  })

  it('takes names of anything for keys', () => {
    const memory = memoryBackend({ maxEntries: 10, eviction })
    const keys = [
      '__proto__',
      'constructor',
      'hasOwnProperty',
      '0',
      '1',
      '-1',
      'length',
      '4294967296',
    ]
    for (const key of keys) expect(memory.get(key)).toBeUndefined()
    for (const key of keys) memory.set(key, endless(key))
    for (const key of keys) expect(memory.get(key)?.data).toBe(key)
    for (const key of keys) expect(memory.delete(key).count).toBe(1)
    expect(memory.size).toBe(0)
  })

  it('is not harmed by a sizeOf, a format or a listener that uses the backend itself', () => {
    let depth = 0
    let turn = 0
    const meddle = (): void => {
      if (depth > 0) return
      depth += 1
      turn += 1
      const key = `key:${(turn * 7) % 13}`
      if (turn % 41 === 0) memory.clear()
      else if (turn % 3 === 0) memory.delete(key)
      else if (turn % 3 === 1) memory.set(key, endless(turn))
      else memory.get(key)
      depth -= 1
    }
    const meddling: Format = {
      id: 'meddling',
      encode: (value) => {
        meddle()
        return new Uint8Array(Number(value) % 50)
      },
      decode: (bytes) => {
        meddle()
        return bytes.length
      },
    }
    const bounds = { maxEntries: 10, maxBytes: 200 }
    let memory = memoryBackend({
      ...bounds,
      eviction,
      values: 'encoded',
      valueFormat: meddling,
      onEvent: meddle,
    })
    const use = (): void => {
      for (let index = 0; index < 3_000; index += 1) {
        const key = `key:${(index * index) % 17}`
        if (index % 2 === 0) memory.set(key, endless(index))
        else if (index % 3 === 0) memory.hit(key)
        else memory.get(key)
        expect([memory.size <= 10, Number(memory.bytes) <= 200]).toEqual([true, true])
      }
      // All places are still there to be used.
      depth = 1
      for (let index = 0; index < 10; index += 1) memory.set(`${index}`, endless(1))
      expect(memory.size).toBe(10)
      depth = 0
    }
    use()
    const sizeOf = (data: unknown): number => {
      meddle()
      return 1 + (Number(data) % 50)
    }
    memory = memoryBackend({ ...bounds, eviction, sizeOf, onEvent: meddle })
    use()
  })

  it('keeps nothing when a sizeOf closes the backend', () => {
    const clock = manualClock()
    const memory: MemoryBackend = memoryBackend({
      maxBytes: 100,
      eviction,
      clock,
      sizeOf: () => {
        void memory.close()
        return 1
      },
    })
    const closed = expect.objectContaining({ code: 'CLOSED' })
    expect(() => memory.set('a', cacheValue(1, { ttl: '1m', clock }))).toThrow(closed)
    expect([memory.size, clock.pendingTimers]).toEqual([0, 0])
  })

  it('names what went, and holds both bounds after every step', () => {
    const present = new Set<string>()
    const memory = memoryBackend({
      maxEntries: 20,
      maxBytes: 200,
      sizeOf: (data) => Number(data),
      eviction,
      onEvent: (event) => {
        if (event.type === 'evict') expect(present.delete(event.key)).toBe(true)
      },
    })
    for (let index = 0; index < 2_000; index += 1) {
      const key = `key:${(index * index) % 37}`
      present.add(key)
      memory.set(key, endless(1 + ((index * 7) % 31)))
      if (index % 3 === 0) memory.get(`key:${index % 11}`)
      expect([memory.size <= 20, Number(memory.bytes) <= 200]).toEqual([true, true])
      expect(memory.size).toBe(present.size)
    }
  })

  it('drops what has ended without being asked, and takes in as much again', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 3_000, eviction, clock })
    const ended = cacheValue(1, { ttl: '1s', clock })
    for (let index = 0; index < 4_000; index += 1) memory.set(`key:${index}`, ended)
    memory.set('stays', endless(1))
    clock.advance('5s')
    expect(memory.size).toBe(1)
    for (let index = 0; index < 2_999; index += 1) memory.set(`key:${index}`, endless(index))
    expect([memory.size, memory.peek('stays')?.data]).toEqual([3_000, 1])
  })
})

describe('memoryBackend, frozen values', () => {
  const frozen = () => memoryBackend({ maxEntries: 10, values: 'frozen' })

  it('freezes the very object that was set, in depth', () => {
    const memory = frozen()
    const data = { list: [{ deep: { deeper: 1 } }], error: new Error('x', { cause: { a: 1 } }) }
    memory.set('a', endless(data))
    expect(memory.get('a')?.data).toBe(data)
    for (const part of [data, data.list, data.list[0], data.list[0]!.deep, data.error]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
    expect(Object.isFrozen(data.error.cause)).toBe(true)
    expect(Object.isFrozen(memory.get('a'))).toBe(true)
  })

  it('takes cycles, primitives, getters and depth', () => {
    const memory = frozen()
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    let deep: object = {}
    for (let level = 0; level < 20_000; level += 1) deep = { deep }
    const lazy = {
      get never(): never {
        throw new Error('called')
      },
    }
    for (const data of [cycle, deep, lazy, 1, 'text', undefined, null, Symbol('s'), 5n]) {
      memory.set('a', endless(data))
      expect(memory.get('a')?.data).toBe(data)
    }
  })

  it.each([
    ['a Date', new Date()],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a WeakMap', new WeakMap()],
    ['bytes', new Uint8Array(1)],
    ['a Buffer', Buffer.from('x')],
    ['a buffer', new ArrayBuffer(1)],
    ['a view', new DataView(new ArrayBuffer(1))],
    ['a RegExp', /x/g],
    ['a function', () => 1],
    ['a Promise', Promise.resolve()],
    ['a Proxy', new Proxy({}, {})],
  ])('refuses %s, and then has frozen nothing', (_, inner) => {
    const memory = frozen()
    memory.set('a', endless('old'))
    const data = { before: {}, list: [0, { inner }] }
    let error: unknown
    try {
      memory.set('a', endless(data))
    } catch (thrown) {
      error = thrown
    }
    expect(CacheError.is(error, 'ENCODE_FAILED') && error.details).toEqual({
      format: 'frozen',
      path: 'list.1.inner',
    })
    expect([data, data.before, data.list].some((part) => Object.isFrozen(part))).toBe(false)
    expect(memory.get('a')).toBeUndefined()
  })
})

describe('memoryBackend, encoded values', () => {
  const encoded = (options: { maxBytes?: number; maxEntries?: number } = {}) =>
    memoryBackend({ maxEntries: 10, values: 'encoded', valueFormat: json, ...options })

  it('gives every reader a copy', () => {
    const memory = encoded()
    const data = { list: [1] }
    memory.set('a', endless(data))
    data.list.push(2)
    memory.get<typeof data>('a')?.data.list.push(3)
    expect(memory.get('a')?.data).toEqual({ list: [1] })
    expect(memory.peek('a')?.data).toEqual({ list: [1] })
    expect(memory.peek('a')?.data).not.toBe(memory.peek('a')?.data)
  })

  it('counts bytes and the characters of the key', () => {
    const memory = encoded({ maxBytes: 100 })
    memory.set('key', endless('x'.repeat(10)))
    expect(memory.bytes).toBe(3 + 12)
    expect(() => memory.set('key', endless('x'.repeat(100)))).toThrow(
      expect.objectContaining({ code: 'TOO_LARGE' }),
    )
    expect(memory.bytes).toBe(0)
  })

  it('counts bytes that cannot be decoded as a miss, and drops them', () => {
    const broken: Format = {
      id: 'broken',
      encode: () => new Uint8Array([1]),
      decode: () => {
        throw new Error('broken')
      },
    }
    const memory = memoryBackend({ maxEntries: 1, values: 'encoded', valueFormat: broken })
    memory.set('a', endless(1))
    expect(memory.peek('a')).toBeUndefined()
    expect(memory.get('a')).toBeUndefined()
    expect(memory.size).toBe(0)
    expect(memory.stats()).toMatchObject({ hits: 0, misses: 1, dropped: { 'decode-failed': 1 } })
  })

  it('keeps no old value in place of one that cannot be encoded', () => {
    const memory = encoded()
    memory.set('a', endless('old'))
    expect(() =>
      memory.set(
        'a',
        endless(() => 1),
      ),
    ).toThrow(expect.objectContaining({ code: 'ENCODE_FAILED' }))
    expect(memory.get('a')).toBeUndefined()
  })

  it('does not keep the whole of a buffer for a view on it', () => {
    const pool = new Uint8Array(1_000_000)
    const views: Uint8Array[] = []
    const pooled: Format = {
      id: 'pooled',
      encode: () => pool.subarray(5, 10),
      decode: (bytes) => views.push(bytes),
    }
    const memory = memoryBackend({ maxEntries: 1, values: 'encoded', valueFormat: pooled })
    memory.set('a', endless(1))
    memory.get('a')
    expect(views.map((view) => view.buffer.byteLength)).toEqual([5])
  })
})
