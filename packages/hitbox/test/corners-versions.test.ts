import { redisBackend, single } from '@hitbox/redis'
import { type CacheBackend, type KeyInput, keyText } from '@hitbox/core'
import { deferred, manualClock, startRedis, until } from '@hitbox/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Cache, createCache, memoryBackend } from '../src/index.ts'
import { failure, scriptedTier, soon } from './support/scripted-tier.ts'
import { settle } from './support/settle.ts'
import { memory, open, remote, turn } from './support/setup.ts'

const tags = ['t']

describe('callers who wait for versions of different tags', () => {
  /** A cache that knows the version of `a`; that of `b` comes when the gate opens. */
  async function knowing() {
    const clock = manualClock()
    const tier = scriptedTier('store', soon)
    const { cache } = open({ clock, tiers: [memory(clock), tier] })
    await cache.getOrLoad('warm', () => 1, { tags: ['a'] })
    await settle()
    const gate = deferred()
    tier.versionScript = (_, effect) => gate.promise.then(effect)
    return { cache, gate }
  }

  it.each([
    ['first', ['a', 'b']],
    ['last', ['b', 'a']],
  ])('share one load, where who need not wait comes %s', async (_, order) => {
    const { cache, gate } = await knowing()
    let loads = 0
    const calls = new Map<string | undefined, Promise<number>>()
    for (const tag of order) {
      const call = cache.getOrLoad('k', () => (loads += 1), { tags: [tag] })
      calls.set(tag, call)
      await settle()
    }
    expect(await calls.get('a')).toBe(1)
    await settle()
    gate.resolve()
    expect(await calls.get('b')).toBe(1)
    expect(loads).toBe(1)
  })
})

describe('a version that cannot be read', () => {
  const good = (cache: Cache): Promise<number> => cache.getOrLoad('j', () => 1, { tags: ['good'] })
  const bad = (cache: Cache): Promise<number> => cache.getOrLoad('k', () => 1, { tags: ['bad'] })

  it.each([
    ['before', async (cache: Cache) => [await bad(cache), await good(cache)]],
    ['in the same question', async (cache: Cache) => Promise.all([bad(cache), good(cache)])],
  ])('does not keep others from being stored, asked for %s', async (_, ask) => {
    const clock = manualClock()
    const { cache } = open({ clock, tiers: [memory(clock), failing('bad', remote(clock))] })
    expect(await ask(cache)).toEqual([1, 1])
    await settle()
    expect(cache.stats().stores).toBe(1)
    expect(await cache.get('j')).toBe(1)
  })
})

it('what a later program wrote below an invalid copy is not overwritten', async () => {
  const clock = manualClock()
  const tier = scriptedTier('store', soon)
  const { cache } = open({ clock, tiers: [memory(clock), tier] })
  await cache.getOrLoad('k', () => 'old', { tags })
  await settle()
  await cache.invalidateTags('t')
  tier.get = async (_, options) => {
    if (options?.context !== undefined) options.context.missReason = 'newer-version'
    return undefined
  }
  tier.calls.length = 0
  const { value, context } = await cache.getOrLoad.withContext('k', () => 'mine', { tags })
  await settle()
  expect(value).toBe('mine')
  expect(context).toMatchObject({ missReason: 'newer-version', stored: false })
  expect(tier.calls.filter((call) => call.startsWith('set'))).toEqual([])
})

it('an answer that is there when a blocked event loop goes on counts, though its time is over', async () => {
  const clock = manualClock()
  const tier = scriptedTier('store', soon)
  const { cache } = open({ clock, ttl: '1h', tiers: [memory(clock), tier] })
  await cache.getOrLoad('k', () => 'old', { tags })
  await settle()
  for (const [key, version] of tier.versions) tier.versions.set(key, { ...version, data: 'other' })
  const gate = deferred()
  tier.versionScript = (_, effect) => gate.promise.then(effect)
  clock.advance('5s')
  const call = cache.get('k')
  await turn()
  // Timers run before what came in over the network meanwhile.
  clock.advance(150)
  gate.resolve()
  expect(await call).toBeUndefined()
})

it.each([
  ['a control character', 'a\u0000b'],
  ['half of a surrogate pair', '\uD800'],
  ['a long text', 'x'.repeat(100_000)],
  ['the name of a prototype', '__proto__'],
  ['the name of an inherited property', 'constructor'],
  ['separators of keys', 'a:b::c'],
  ['a space', ' '],
])('a tag may be %s', async (_, tag) => {
  const clock = manualClock()
  const { cache } = open({ clock, tiers: [memory(clock), remote(clock)] })
  await cache.getOrLoad('k', () => 1, { tags: [tag] })
  await settle()
  expect(await cache.get('k')).toBe(1)
  await cache.invalidateTags(tag)
  expect(await cache.get('k')).toBeUndefined()
})

it('lists in Redis in the place of versions give way to versions', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.stop())
  const make = (): Cache => {
    const lower = redisBackend({ connection: single(redis.url) })
    // Both tiers and the cache on one clock: the server's moments are told in it.
    const cache = createCache({ ttl: '1m', tiers: [memoryBackend({ maxEntries: 100 }), lower] })
    onTestFinished(() => cache.close({ timeout: 0 }))
    return cache
  }
  const first = make()
  await first.getOrLoad('k', () => 1, { tags })
  await until('the value is stored', () => first.stats().stores === 1)
  const keys = ((await redis.command('KEYS', '::*')) as string[]).map(String)
  expect(keys.length).toBeGreaterThan(1)
  for (const key of keys) {
    await redis.command('DEL', key)
    await redis.command('RPUSH', key, 'not a version')
  }
  const second = make()
  await second.getOrLoad('l', () => 1, { tags })
  await until('the value is stored', () => second.stats().stores === 1)
  expect(await second.get('l')).toBe(1)
})

/** Fails to read what has this in its key. */
function failing(part: string, inner: CacheBackend): CacheBackend {
  return {
    ...inner,
    getMany: async <T>(keys: Iterable<KeyInput>) => {
      const asked = [...keys]
      const results = await inner.getMany<T>(asked)
      return results.map((result, index) =>
        keyText(asked[index] as KeyInput).includes(part)
          ? ({ ok: false, error: failure() } as const)
          : result,
      )
    },
  }
}
