import { describe, expect, it, vi } from 'vitest'
import { deferred, manualClock } from '@hitbox/testing'
import {
  type Backend,
  CacheError,
  type CacheEvent,
  cacheValue,
  type Compressor,
  createContext,
  deleteStatus,
  type DropReason,
  failed,
  forever,
  liftBackend,
  openEnvelope,
  type StoreRead,
  type StoreWrite,
  succeeded,
} from '../src/index.ts'
import { MemoryStore, plainJson } from './memory-store.ts'

function open(options: Parameters<typeof liftBackend>[1] = {}) {
  const clock = manualClock()
  const store = new MemoryStore(() => clock.now())
  return { clock, store, tier: liftBackend(store, { clock, ...options }) }
}

describe('liftBackend', () => {
  it('answers synchronously when the store does', () => {
    const { clock, tier } = open()
    void tier.set('k', cacheValue('v', { ttl: '1m', clock }))
    expect(tier.get('k')).toMatchObject({ data: 'v' })
    expect(tier.delete('k')).toEqual({ status: 'deleted', count: 1 })
    expect(tier.get('k')).toBeUndefined()
  })

  it('keeps all moments to the millisecond, the cost of the load and the tags', async () => {
    const { clock, tier } = open()
    const { staleAt, expiresAt } = cacheValue('v', { ttl: '1m', staleAfter: '250ms', clock })
    const meta = {
      madeAt: clock.now() - 70,
      usableUntil: clock.now() + 30_000,
      loadMs: 12,
      tags: { 'org:7': 'a1', __proto__x: '' },
    }
    await tier.set('k', { data: 'v', staleAt, expiresAt, meta })
    clock.advance('100ms')
    expect(tier.get('k')).toEqual({ data: 'v', staleAt, expiresAt, meta })
  })

  it('refuses tags that no envelope has room for', () => {
    const { clock, tier } = open()
    const value = cacheValue('v', { ttl: '1m', clock })
    const tags = { ['t'.repeat(70_000)]: '1' }
    expect(() => tier.set('k', { ...value, meta: { tags } })).toThrow('the tags of a value take 70')
  })

  it('serves until the moment of expiry and not from it on', async () => {
    const { clock, tier } = open()
    await tier.set('k', cacheValue('v', { ttl: '120ms', clock }))
    clock.advance('119ms')
    expect(tier.get('k')).toMatchObject({ data: 'v' })
    clock.advance('1ms')
    expect(tier.get('k')).toBeUndefined()
  })

  it('keeps an entry without end', async () => {
    const { clock, tier } = open()
    await tier.set('k', cacheValue('v', { ttl: forever, clock }))
    clock.advance('365d')
    expect(tier.get('k')).toEqual({
      data: 'v',
      staleAt: Infinity,
      expiresAt: Infinity,
      meta: undefined,
    })
  })

  it('does not lengthen a life when the clock of the store is set back', async () => {
    const clock = manualClock()
    let skew = 0
    const tier = liftBackend(new MemoryStore(() => clock.now() + skew), { clock })
    await tier.set('k', cacheValue('v', { ttl: '10s', clock }))
    skew = -3_600_000
    expect((tier.get('k') as { expiresAt: number }).expiresAt).toBe(clock.now() + 10_000)
    skew = 3_600_000
    expect(tier.get('k')).toBeUndefined()
  })

  it('removes what was there when told to keep something that is over', async () => {
    const { clock, store, tier } = open()
    await tier.set('k', cacheValue('old', { ttl: '1m', clock }))
    await tier.set('k', { data: 'new', staleAt: 0, expiresAt: clock.now() })
    expect(store.entries.size).toBe(0)
    await tier.set('k', cacheValue('old', { ttl: '1m', clock }))
    await tier.setMany([['k', { data: 'new', staleAt: 0, expiresAt: clock.now() }]])
    expect(store.entries.size).toBe(0)
  })

  it.each([
    ['staleAt', { data: 1, staleAt: Number.NaN, expiresAt: 1 }],
    ['expiresAt', { data: 1, staleAt: 1 }],
    ['expiresAt', { data: 1, staleAt: 1, expiresAt: '5m' }],
  ])('refuses an entry with a bad "%s"', (option, value) => {
    const { tier } = open()
    expect(() => tier.set('k', value as never)).toThrow(`"${option}" must be a moment`)
  })

  it('counts a staleAt after the end as the end', async () => {
    const { clock, tier } = open()
    await tier.set('k', { data: 1, staleAt: Infinity, expiresAt: clock.now() + 50 })
    expect(tier.get('k')).toMatchObject({ staleAt: clock.now() + 50 })
  })

  it('tells who asks how the read was answered', async () => {
    const { clock, tier } = open()
    const context = createContext()
    await tier.get('k', { context })
    expect(context).toMatchObject({ status: 'forward', source: 'upstream', missReason: 'absent' })
    await tier.set('k', cacheValue(1, { ttl: '1m', staleAfter: '10s', clock }))
    await tier.get('k', { context })
    expect(context).toMatchObject({
      status: 'hit',
      source: 'store',
      missReason: undefined,
      ttlMs: 60_000,
    })
    clock.advance('10s')
    await tier.get('k', { context })
    expect(context).toMatchObject({ status: 'stale', ttlMs: 50_000 })
    clock.advance('50s')
    const late = createContext()
    await tier.get('k', { context: late })
    expect(late).toMatchObject({ status: 'forward', missReason: 'expired' })
  })

  it('says that values keep what travels with them, but for a store of bare values', () => {
    const { store } = open()
    expect(liftBackend(store).keepsMeta).toBe(true)
    expect(liftBackend(store.with({ layout: 'raw' as const })).keepsMeta).toBe(false)
  })

  it('closes what it owns once, and is closed from then on', async () => {
    const { store, tier } = open()
    const close = vi.fn<() => void>()
    Object.assign(store, { close })
    await Promise.all([tier.close(), tier.close(), tier[Symbol.asyncDispose]()])
    expect(close).toHaveBeenCalledTimes(1)
    for (const call of [
      () => tier.get('k'),
      () => tier.delete('k'),
      () => tier.getMany(['k']),
      () => tier.deleteMany([]),
    ]) {
      expect(call).toThrow('backend "store" is closed')
    }
    await expect(tier.ready()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('refuses parts that cannot work', () => {
    const { store } = open()
    const with_ =
      (changes: object): (() => unknown) =>
      () =>
        liftBackend(store.with(changes))
    expect(with_({ label: 'a.b' })).toThrow('"label" must be 1 to 64 letters')
    expect(with_({ valueFormat: {} })).toThrow(
      '"valueFormat" must be an object with encode and decode, got an object',
    )
    expect(with_({ valueFormat: { ...plainJson, id: 'No!' } })).toThrow(
      '"valueFormat.id" must be 1 to 32 of',
    )
    expect(with_({ compressor: null })).toThrow(
      '"compressor" must be an object with compress and decompress, got null',
    )
    expect(() => liftBackend(store, { maxValueBytes: 0 })).toThrow(
      '"maxValueBytes" must be a whole number from 1',
    )
  })
})

describe('limits of a lifted backend', () => {
  it('refuses a value past the limit, and takes the old one away', async () => {
    const { clock, tier } = open({ maxValueBytes: 100 })
    const small = cacheValue('small', { ttl: '1m', clock })
    const large = cacheValue('x'.repeat(200), { ttl: '1m', clock })
    await tier.set('k', small)
    expect(() => tier.set('k', large)).toThrow(/larger than the limit of 100/)
    expect(tier.get('k')).toBeUndefined()
    await tier.setMany([
      ['a', small],
      ['b', small],
    ])
    const results = await tier.setMany([
      ['a', large],
      ['b', small],
    ])
    expect(results.map(({ ok }) => ok)).toEqual([false, true])
    expect(tier.get('a')).toBeUndefined()
    expect(tier.get('b')).toMatchObject({ data: 'small' })
    expect(tier.stats().errors).toBe(2)
  })

  it('does not decompress more than the limit allows', async () => {
    const bomb: Compressor = {
      id: 'bomb',
      compress: (bytes) => bytes.slice(0, 1),
      decompress: () => expect.unreachable(),
    }
    const { clock, store } = open()
    const generous = liftBackend(store.with({ compressor: bomb }), { clock })
    await generous.set('k', cacheValue('x'.repeat(5_000), { ttl: '1m', clock }))
    const strict = liftBackend(store.with({ compressor: bomb }), { clock, maxRawBytes: 1_000 })
    expect(strict.get('k')).toBeUndefined()
    expect(strict.stats().dropped).toEqual({ 'too-large': 1 })
  })
})

describe('what a lifted backend cannot read', () => {
  const reversed: Compressor = {
    id: 'reverse',
    compress: (b) => b.slice().reverse(),
    decompress: (b) => b.slice().reverse(),
  }
  const asyncReversed: Compressor = {
    ...reversed,
    compress: async (b) => b.slice().reverse(),
    decompress: async (b) => b.slice().reverse(),
  }

  function read(
    store: MemoryStore,
    changes: object,
    options: Parameters<typeof liftBackend>[1] = {},
  ) {
    return liftBackend(store.with(changes), options)
  }

  it('is a miss with its reason', async () => {
    const { clock, store } = open()
    const writer = read(
      store,
      { compressor: reversed, valueFormat: { ...plainJson, id: 'j2' } },
      { clock },
    )
    await writer.set('k', cacheValue([1], { ttl: '1m', clock }))
    const reasons: [DropReason, object][] = [
      ['unknown-format', { compressor: reversed }],
      ['unknown-compressor', { valueFormat: { ...plainJson, id: 'j2' } }],
      [
        'decompress-failed',
        {
          valueFormat: { ...plainJson, id: 'j2' },
          compressor: {
            ...reversed,
            decompress: () => {
              throw new Error('no')
            },
          },
        },
      ],
      [
        'decompress-failed',
        {
          valueFormat: { ...plainJson, id: 'j2' },
          compressor: { ...reversed, decompress: () => new Uint8Array() },
        },
      ],
      [
        'decompress-failed',
        {
          valueFormat: { ...plainJson, id: 'j2' },
          compressor: { ...asyncReversed, decompress: () => Promise.reject(new Error('no')) },
        },
      ],
      [
        'decode-failed',
        {
          valueFormat: {
            ...plainJson,
            id: 'j2',
            decode: () => {
              throw new Error('no')
            },
          },
          compressor: reversed,
        },
      ],
    ]
    for (const [reason, changes] of reasons) {
      const reader = read(store, changes, { clock })
      const context = createContext()
      expect(await reader.get('k', { context })).toBeUndefined()
      expect(context.missReason).toBe(reason)
      expect(reader.stats()).toMatchObject({ hits: 0, misses: 1, dropped: { [reason]: 1 } })
    }
  })

  it('is read when the other format and compressor are accepted', async () => {
    const { clock, store } = open()
    const j2 = { ...plainJson, id: 'j2' }
    await read(store, { compressor: asyncReversed, valueFormat: j2 }, { clock }).set(
      'k',
      cacheValue([1], { ttl: '1m', clock }),
    )
    const reader = read(store, {}, { clock, acceptFormats: [j2], acceptCompressors: [reversed] })
    expect(await reader.get('k')).toMatchObject({ data: [1] })
  })

  it('is read when the compressor left it as it was', async () => {
    const { clock, store } = open()
    const lazy: Compressor = { ...reversed, compress: () => undefined }
    await read(store, { compressor: lazy }, { clock }).set(
      'k',
      cacheValue([1], { ttl: '1m', clock }),
    )
    expect(openEnvelope(store.entries.get('k')!, 'k')).toMatchObject({ compressorId: 'none' })
    expect(read(store, {}, { clock }).get('k')).toMatchObject({ data: [1] })
  })

  it('is a miss when neither envelope nor store tells its age', async () => {
    const { clock, store } = open()
    const timeless = { storeTime: undefined }
    const tier = read(store, timeless, { clock })
    await tier.set('k', cacheValue(1, { ttl: '1m', clock }))
    await tier.set('for ever', cacheValue(2, { ttl: forever, clock }))
    expect(tier.get('k')).toBeUndefined()
    expect(tier.get('for ever')).toMatchObject({ data: 2 })
    expect(tier.stats().dropped).toEqual({ 'unknown-age': 1 })
    const counting = read(
      store,
      {
        ...timeless,
        read: (key: string): StoreRead => ({ bytes: store.entries.get(key)!, ttlMs: 20_000 }),
      },
      { clock },
    )
    expect(counting.get('k')).toMatchObject({ data: 1, expiresAt: clock.now() + 20_000 })
  })
})

describe('layout raw', () => {
  it('writes the bare value and takes both moments from the store', async () => {
    const { clock, store } = open()
    const kept = new Map<string, StoreWrite>()
    const raw = store.with({
      layout: 'raw' as const,
      write: (key: string, entry: StoreWrite) => void kept.set(key, entry),
      read: (key: string): StoreRead | undefined => kept.get(key),
    })
    const tier = liftBackend(raw, { clock })
    await tier.set('k', cacheValue({ a: 1 }, { ttl: '1m', staleAfter: '10s', clock }))
    expect(new TextDecoder().decode(kept.get('k')!.bytes)).toBe('{"value":{"a":1}}')
    expect(tier.get('k')).toMatchObject({
      data: { a: 1 },
      staleAt: clock.now() + 10_000,
      expiresAt: clock.now() + 60_000,
    })
    kept.set('k', { ...kept.get('k')!, bytes: Uint8Array.of(1) })
    expect(tier.get('k')).toBeUndefined()
  })

  it('refuses a value that the compressor left as it was, since nothing tells the reader', () => {
    const { store } = open()
    const compressor: Compressor = {
      id: 'lazy',
      compress: () => undefined,
      decompress: (bytes) => bytes,
    }
    const tier = liftBackend(store.with({ layout: 'raw', compressor }))
    expect(() => tier.set('k', cacheValue(1, { ttl: '1m' }))).toThrow('layout "raw" cannot tell')
  })
})

describe('failures of a store', () => {
  const broken = (error: unknown, changes: object = {}): Backend =>
    Object.assign(new MemoryStore(() => 0), {
      read: () => {
        throw error
      },
      write: () => Promise.reject(error),
      remove: () => Promise.reject(error),
      ...changes,
    })

  it('become BACKEND_FAILED with the cause, are counted and told', async () => {
    const cause = new Error('disk on fire')
    const events: CacheEvent[] = []
    const tier = liftBackend(broken(cause), { onEvent: (event) => events.push(event) })
    expect(() => tier.get('k')).toThrow('backend "store" failed to read an entry')
    await expect(tier.set('k', cacheValue(1, { ttl: '1m' }))).rejects.toMatchObject({
      code: 'BACKEND_FAILED',
      cause,
      details: { source: 'store', operation: 'write' },
    })
    await expect(tier.delete('k')).rejects.toMatchObject({ details: { operation: 'remove' } })
    expect(tier.stats().errors).toBe(3)
    expect(events.map(({ type }) => type)).toEqual(['error', 'error', 'error'])
  })

  it('that are ours already are passed on as they are', async () => {
    const error = new CacheError('TIMEOUT', 'too late', {
      details: { source: 'store', operation: 'write', timeoutMs: 5 },
    })
    await expect(liftBackend(broken(error)).set('k', cacheValue(1, { ttl: '1m' }))).rejects.toBe(
      error,
    )
  })

  it('of a batch as a whole are failures of each item', async () => {
    const cause = new Error('gone')
    const tier = liftBackend(
      broken(cause, {
        readMany: () => Promise.reject(cause),
        removeMany: () => {
          throw cause
        },
      }),
    )
    expect(await tier.getMany(['a', 'b'])).toEqual([
      { ok: false, error: expect.objectContaining({ code: 'BACKEND_FAILED', cause }) },
      { ok: false, error: expect.objectContaining({ code: 'BACKEND_FAILED', cause }) },
    ])
    expect(await tier.deleteMany(['a'])).toEqual([
      { ok: false, error: expect.objectContaining({ cause }) },
    ])
  })

  it('do not let a listener that throws break a call', () => {
    const { tier } = open({
      onEvent: () => {
        throw new Error('listener')
      },
    })
    expect(tier.get('k')).toBeUndefined()
  })
})

describe('batches of a lifted backend', () => {
  it('keep order and duplicates, and one item fails alone', async () => {
    const { clock, store, tier } = open()
    const bad = { ...cacheValue(1n, { ttl: '1m', clock }) }
    const results = await tier.setMany([
      ['a', cacheValue(1, { ttl: '1m', clock })],
      ['b', bad],
      ['a', cacheValue(2, { ttl: '1m', clock })],
    ])
    expect(results.map(({ ok }) => ok)).toEqual([true, false, true])
    expect(store.entries.size).toBe(1)
    const found = await tier.getMany(['a', 'missing', 'a'])
    expect(found.map((item) => item.ok && item.value?.data)).toEqual([2, undefined, 2])
    expect(await tier.deleteMany(['a', 'a'])).toEqual([
      succeeded(deleteStatus(1)),
      succeeded(deleteStatus(0)),
    ])
  })

  it.each(['a read for each key', 'a read for all'])('explain each key, with %s', async (how) => {
    const { clock, store } = open()
    const readMany = (keys: readonly string[]) =>
      keys.map((key) =>
        key === 'broken' ? failed(new Error('slot')) : succeeded(store.entries.get(key)),
      )
    const readAll = (keys: readonly string[]) =>
      readMany(keys).map((result) =>
        result.ok ? succeeded(result.value && { bytes: result.value }) : result,
      )
    const read = (key: string): StoreRead | undefined => {
      if (key === 'broken') throw new Error('slot')
      const bytes = store.entries.get(key)
      return bytes && { bytes }
    }
    const changes = how === 'a read for all' ? { read, readMany: readAll } : { read }
    const tier = liftBackend(store.with(changes), { clock })
    await tier.set('fresh', cacheValue(1, { ttl: '1m', clock }))
    await tier.set('stale', cacheValue(2, { ttl: '1m', staleAfter: '0ms', clock }))
    await tier.set('over', cacheValue(3, { ttl: '10ms', clock }))
    clock.advance('10ms')
    store.entries.set('newer', Uint8Array.of(0xb7, 0x48, 2, 1, 2, 3))
    const keys = ['none', 'fresh', 'newer', 'stale', 'over', 'broken', 'fresh', 'newer']
    const contexts = keys.map(() => createContext())
    const results = await tier.getMany(keys, { contexts })
    expect(results.map((result) => (result.ok ? result.value?.data : 'failed'))).toEqual([
      undefined,
      1,
      undefined,
      2,
      undefined,
      'failed',
      1,
      undefined,
    ])
    for (const [index, key] of keys.entries()) {
      const alone = createContext()
      try {
        await tier.get(key, { context: alone })
      } catch {
        expect(key).toBe('broken')
      }
      expect(contexts[index]).toEqual(alone)
    }
    expect(contexts.map(({ missReason }) => missReason)).toEqual([
      'absent',
      undefined,
      'newer-version',
      undefined,
      'expired',
      undefined,
      undefined,
      'newer-version',
    ])
  })

  it('use the batch verbs of the store once each, whatever the iterable', async () => {
    const { clock, store } = open()
    const readMany = vi.fn(async (keys: readonly string[]) =>
      keys.map((key, at) =>
        at === 1 ? failed(new Error('slot')) : succeeded(store.read(key) as StoreRead | undefined),
      ),
    )
    const writeMany = vi.fn(async (entries: readonly (readonly [string, StoreWrite])[]) =>
      entries.map(([key, entry]) => succeeded(store.write(key, entry) as void)),
    )
    const removeMany = vi.fn(async (keys: readonly string[]) =>
      keys.map((key) => succeeded(store.remove(key))),
    )
    const tier = liftBackend(store.with({ readMany, writeMany, removeMany }), { clock })
    function* entries() {
      for (const name of ['a', 'b', 'c', 'a'])
        yield [name, cacheValue(name, { ttl: '1m', clock })] as const
      yield ['over', { data: 0, staleAt: 0, expiresAt: 0 }] as const
    }
    expect((await tier.setMany(entries())).every(({ ok }) => ok)).toBe(true)
    expect(writeMany).toHaveBeenCalledTimes(1)
    expect(writeMany.mock.calls[0]![0].map(([key]) => key)).toEqual(['a', 'b', 'c'])
    const found = await tier.getMany(new Set(['a', 'b', 'c']))
    expect(found).toEqual([
      { ok: true, value: expect.objectContaining({ data: 'a' }) },
      { ok: false, error: expect.objectContaining({ code: 'BACKEND_FAILED' }) },
      { ok: true, value: expect.objectContaining({ data: 'c' }) },
    ])
    expect(readMany).toHaveBeenCalledTimes(1)
    await tier.deleteMany(['a', 'b'])
    expect(removeMany).toHaveBeenCalledTimes(1)
    expect(await tier.getMany([])).toEqual([])
  })

  it('write the last of duplicates even when an earlier one takes longer to compress', async () => {
    const gate = deferred()
    const slow: Compressor = {
      id: 'slow',
      compress: (bytes) => (bytes.length > 50 ? gate.promise.then(() => bytes) : bytes),
      decompress: (bytes) => bytes,
    }
    const { clock, store } = open()
    const tier = liftBackend(store.with({ compressor: slow }), { clock })
    const done = tier.setMany([
      ['k', cacheValue('x'.repeat(100), { ttl: '1m', clock })],
      ['k', cacheValue('last', { ttl: '1m', clock })],
    ])
    gate.resolve()
    await done
    expect(await tier.get('k')).toMatchObject({ data: 'last' })
  })
})
