import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Backend,
  type CacheBackend,
  identityCompressor,
  liftBackend,
  type StoreRead,
  urlEncoded,
} from '@hitbox/core'
import { gzip } from '@hitbox/compressors/gzip'
import { cbor } from '@hitbox/formats/cbor'
import { json } from '@hitbox/formats/json'
import { lmdbBackend } from '@hitbox/lmdb'
import { redisBackend, single } from '@hitbox/redis'
import { startRedis } from '@hitbox/testing'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Cache, createCache, memoryBackend } from '../src/index.ts'

let folder: string
let redis: Awaited<ReturnType<typeof startRedis>>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hitbox-facade-'))
  redis = await startRedis()
})
afterAll(async () => {
  await redis.stop()
  await rm(folder, { recursive: true, force: true })
})

const LOWER: readonly (readonly [name: string, open: () => CacheBackend])[] = [
  ['redis', () => redisBackend({ connection: single(redis.url) })],
  ['lmdb', () => lmdbBackend({ path: join(folder, 'store') })],
  [
    'encoded memory',
    () => memoryBackend({ maxEntries: 100, values: 'encoded', valueFormat: cbor }),
  ],
]

async function using(tiers: readonly CacheBackend[], run: (cache: Cache) => Promise<void>) {
  const cache = createCache({ ttl: '1m', tiers })
  try {
    await run(cache)
  } finally {
    await cache.close()
  }
}

const VALUES: readonly (readonly [string, unknown])[] = [
  ['undefined', undefined],
  ['null', null],
  ['zero', 0],
  ['nothing', ''],
  ['false', false],
  ['not a number', Number.NaN],
  ['a date', new Date(5)],
  ['a map', new Map([['a', new Set([1])]])],
  ['a bigint', 10n ** 20n],
  ['bytes', new Uint8Array([0, 255])],
  ['holes of undefined', { a: undefined, b: [undefined] }],
]

describe.each(LOWER)('over %s', (_, open) => {
  it('gives from below what it gives from memory: falsy values, undefined, dates, maps', async () => {
    const upper = memoryBackend({ maxEntries: 100 })
    await using([upper, open()], async (cache) => {
      for (const [name, value] of VALUES) {
        const load = vi.fn(() => value)
        await cache.getOrLoad(['value', name], load)
        await vi.waitFor(() => expect(cache.stats().inFlight).toBe(0))
        const fromMemory = await cache.getOrLoad.withContext(['value', name], load)
        expect(fromMemory.context.source).toBe('tiers.memory')
        upper.delete(['value', name])
        const fromBelow = await cache.getOrLoad.withContext(['value', name], load)
        expect(fromBelow.context).toMatchObject({ status: 'hit', refilled: true })
        expect(fromMemory.value).toStrictEqual(value)
        expect(fromBelow.value).toStrictEqual(value)
        expect(load).toHaveBeenCalledTimes(1)
        expect(await cache.has(['value', name])).toBe(true)
      }
    })
  })

  it('keeps age and cost of a value, wherever it is read from', async () => {
    const upper = memoryBackend({ maxEntries: 100 })
    await using([upper, open()], async (cache) => {
      await cache.delete('aged')
      await cache.getOrLoad('aged', () => 1, { staleIfError: '1m' })
      await vi.waitFor(() => expect(cache.stats().inFlight).toBe(0))
      upper.delete('aged')
      const { context } = await cache.get.withContext('aged')
      expect(context.ageMs).toBeGreaterThanOrEqual(0)
      expect(context.ageMs).toBeLessThan(30_000)
      expect(context.ttlMs).toBeGreaterThan(30_000)
      expect(context.ttlMs).toBeLessThanOrEqual(60_000)
      expect(context.loadMs).toBeGreaterThanOrEqual(0)
    })
  })
})

describe('with a Redis that hangs', () => {
  it('answers by its deadline, and delete tells that it could not be done', async () => {
    const tiers = [
      memoryBackend({ maxEntries: 100 }),
      redisBackend({ connection: single(redis.url), responseTimeout: '300ms', retries: 0 }),
    ]
    await using(tiers, async (cache) => {
      await cache.getOrLoad('before', () => 1)
      redis.pause()
      try {
        const begun = performance.now()
        expect(await cache.getOrLoad('during', () => 2)).toBe(2)
        expect(performance.now() - begun).toBeLessThan(2_000)
        await expect(cache.delete('during')).rejects.toMatchObject({ code: 'TIMEOUT' })
      } finally {
        redis.resume()
      }
    })
  })
})

/** A store of one entry, to put bytes into by hand; and of what the cache keeps for itself. */
function storeOf(
  bytes: { value: Uint8Array | undefined },
  own = new Map<string, Uint8Array>(),
): Backend {
  const isOwn = (key: string): boolean => key.startsWith('::')
  return {
    label: 'store',
    keyFormat: urlEncoded,
    valueFormat: cbor,
    compressor: identityCompressor,
    read: (key): StoreRead | undefined => {
      const found = isOwn(key) ? own.get(key) : bytes.value
      return found && { bytes: found, ttlMs: 60_000 }
    },
    write: (key, entry) => {
      if (isOwn(key)) own.set(key, entry.bytes.slice())
      else bytes.value = entry.bytes.slice()
    },
    remove: () => {
      bytes.value = undefined
      return { status: 'deleted', count: 1 } as never
    },
  }
}

describe('what programs of different versions and formats share', () => {
  const kept = { value: undefined as Uint8Array | undefined }

  it('versions of tags are read whatever the format of values is', async () => {
    const own = new Map<string, Uint8Array>()
    const store = { ...storeOf(kept, own) }
    const one = createCache({ ttl: '1m', tiers: [liftBackend(store)] })
    const two = createCache({
      ttl: '1m',
      tiers: [liftBackend({ ...store, valueFormat: json, compressor: gzip() })],
    })
    await one.set('k', 'v', { tags: ['t'] })
    const before = new Map(own)
    await two.get('k')
    await two.getOrLoad('l', () => 1, { tags: ['t'] })
    expect(own).toEqual(before)
    await one.close()
    await two.close()
  })

  it('versions that a later program wrote are left alone, and nothing is stored without them', async () => {
    const own = new Map<string, Uint8Array>()
    const store = storeOf(kept, own)
    const one = createCache({ ttl: '1m', tiers: [liftBackend(store)] })
    await one.set('k', 'v')
    for (const bytes of own.values()) bytes[2] = 200 // the version of the envelope
    const before = new Map(own)
    const two = createCache({ ttl: '1m', tiers: [liftBackend(store)] })
    expect(await two.getOrLoad('k', () => 'mine')).toBe('mine')
    await expect(two.set('k', 'mine')).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    expect(own).toEqual(before)
    await one.close()
    await two.close()
  })
})

describe('explain over real tiers', () => {
  it('tells size, format and tags of what each tier has', async () => {
    const lower = redisBackend({ connection: single(redis.url), compressor: gzip() })
    await using([memoryBackend({ maxEntries: 10 }), lower], async (cache) => {
      await cache.set('explained', 'x'.repeat(5_000), { tags: ['big'] })
      const { tiers } = await cache.explain('explained')
      expect(tiers).toMatchObject([
        { state: 'fresh', bytes: undefined, format: undefined, tags: ['big'] },
        { state: 'fresh', format: 'cbor+gzip', tags: ['big'] },
      ])
      expect(tiers[1]?.bytes).toBeGreaterThan(50)
      expect(tiers[1]?.bytes).toBeLessThan(1_000)
    })
  })
})

describe('invalidating a tag that 100,000 entries carry', () => {
  it('takes two writes', { timeout: 120_000 }, async () => {
    const lower = redisBackend({ connection: single(redis.url), responseTimeout: '10s' })
    await using([lower], async (cache) => {
      for (let from = 0; from < 100_000; from += 10_000) {
        const entries = Array.from(
          { length: 10_000 },
          (_, at) => [['many', from + at], at] as const,
        )
        await cache.setMany(entries, { tags: ['many'] })
      }
      expect(await cache.get(['many', 99_999])).toBe(9_999)
      await redis.command('CONFIG', 'RESETSTAT')
      await cache.invalidateTags('many')
      const stats = String(await redis.command('INFO', 'commandstats'))
      const calls = [...stats.matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, count]) => [
        name,
        count,
      ])
      expect(calls.filter(([name]) => name === 'set')).toEqual([['set', '2']])
      expect(
        calls.filter(
          // The second one beside each sees to it that changes of it by others are told.
          ([name]) =>
            !['set', 'getrange', 'config|resetstat', 'info', 'ping', 'time'].includes(name ?? ''),
        ),
      ).toEqual([])
      expect(
        await cache.getMany([
          ['many', 0],
          ['many', 99_999],
        ]),
      ).toEqual([undefined, undefined])
    })
  })
})

describe('an entry that cannot be read', () => {
  const damaged: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
    [
      'corrupt',
      (bytes) => bytes.map((byte, index) => (index === bytes.length - 40 ? byte ^ 1 : byte)),
    ],
    ['foreign', () => new TextEncoder().encode('{"by":"another program"}')],
    ['truncated', (bytes) => bytes.slice(0, -3)],
  ]

  it.each(damaged)('%s: is a miss, and replaced', async (reason, damage) => {
    const bytes: { value: Uint8Array | undefined } = { value: undefined }
    await using([liftBackend(storeOf(bytes))], async (cache) => {
      await cache.set('k', 'old')
      bytes.value = damage(bytes.value as Uint8Array)
      const { value, context } = await cache.getOrLoad.withContext('k', () => 'new')
      expect(value).toBe('new')
      expect(context.missReason).toBe(reason)
      expect(await cache.get('k')).toBe('new')
    })
  })

  it.each([
    ['alone', (): CacheBackend[] => []],
    ['below memory', (): CacheBackend[] => [memoryBackend({ maxEntries: 10 })]],
  ])('of a newer version, %s: is a miss, and not overwritten', async (_, above) => {
    const bytes: { value: Uint8Array | undefined } = { value: undefined }
    await using([...above(), liftBackend(storeOf(bytes))], async (cache) => {
      await cache.set('other', 'old')
      const newer = (bytes.value as Uint8Array).slice()
      newer[2] = 200 // the version of the envelope
      bytes.value = newer
      const { value, context } = await cache.getOrLoad.withContext('k', () => 'mine')
      expect(value).toBe('mine')
      expect(context).toMatchObject({ missReason: 'newer-version', stored: false })
      expect(bytes.value).toBe(newer)
      expect(await cache.getOrLoad('k', () => 'mine again')).toBe('mine again')
      expect(bytes.value).toBe(newer)
    })
  })
})
