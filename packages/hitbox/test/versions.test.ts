import { liftBackend } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Cache, type CacheOptions, createCache, type HitboxEvent } from '../src/index.ts'
import {
  atOnce,
  failure,
  type ScriptedTier,
  scriptedTier,
  type Script,
} from './support/scripted-tier.ts'
import { memory, turn } from './support/setup.ts'

/** Processes over one tier: caches that share nothing else. Their upper tiers are in memory. */
function processes(count: number, options: CacheOptions = {}) {
  const clock = manualClock()
  const shared = scriptedTier('shared')
  const events: HitboxEvent[] = []
  const make = (): Cache => {
    const cache = createCache({
      tiers: [memory(clock), shared],
      clock,
      ttl: '1h',
      onEvent: (event) => events.push(event),
      ...options,
    })
    onTestFinished(() => cache.close({ timeout: 0 }))
    return cache
  }
  const [first, second, ...rest] = Array.from({ length: count }, make)
  return { clock, shared, events, make, first: first as Cache, second: second as Cache, rest }
}

/** Answers when the test says so. */
function held(): { readonly script: Script; open(): void } {
  const gate = deferred()
  return {
    script: (_, effect) => gate.promise.then(effect),
    open: () => gate.resolve(),
  }
}

/** What a driver does when the server is away. */
const failing: Script = () => Promise.reject(failure())
const lost = (tier: ScriptedTier): void => tier.versions.clear()

describe('versions in a tier that processes share', () => {
  it('are followed by the others within a second', async () => {
    const { first, second, clock, shared } = processes(2)
    await first.getOrLoad('a', () => 'old', { tags: ['t'] })
    await first.getOrLoad('b', () => 'old')
    await turn()
    expect(await second.getMany(['a', 'b'])).toEqual(['old', 'old'])
    await first.invalidateTags('t')
    expect(await first.get('a')).toBeUndefined()
    clock.advance(1_001)
    expect(await second.get('a')).toBeUndefined()
    expect(await second.get('b')).toBe('old')
    await second.clear()
    clock.advance(1_001)
    expect(await first.get('b')).toBeUndefined()
    expect(shared.versions.size).toBe(3)
  })

  it('cost a hit nothing while they are young, and are learned again behind it', async () => {
    const { first, clock, shared } = processes(1, { onEvent: undefined })
    await first.getOrLoad('k', () => 1, { tags: ['t'] })
    await turn()
    const asked = shared.versionCalls.length
    for (let at = 0; at < 400; at += 100) {
      clock.advance(100)
      expect(await first.get('k')).toBe(1)
    }
    expect(shared.versionCalls).toHaveLength(asked)
    clock.advance(200)
    expect(await first.get('k')).toBe(1)
    await turn()
    expect(shared.versionCalls).toHaveLength(asked + 1)
    for (let at = 0; at < 10; at += 1) expect(await first.get('k')).toBe(1)
    await turn()
    expect(shared.versionCalls).toHaveLength(asked + 1)
  })

  it('are asked for in one question, however many callers need them', async () => {
    const { first, second, shared } = processes(2)
    const ids = Array.from({ length: 50 }, (_, id) => id)
    await first.getOrLoadMany(ids, async (missing) => missing.map(String), {
      key: (id) => ['n', id],
      tags: (id) => [`n:${id}`],
    })
    await turn()
    shared.versionCalls.length = 0
    await Promise.all(ids.map((id) => second.get(['n', id])))
    const asked = shared.versionCalls.filter((call) => call.startsWith('get'))
    expect(asked.length).toBeLessThan(4)
    shared.versionCalls.length = 0
    await first.invalidateTags(ids.map((id) => `n:${id}`))
    expect(shared.versionCalls).toHaveLength(2)
  })

  it('are made anew when they are lost, and nothing that was over comes back', async () => {
    const { first, second, make, shared, clock } = processes(2)
    await first.getOrLoad('a', () => 'old', { tags: ['t'] })
    await first.getOrLoad('b', () => 'old')
    await turn()
    await first.invalidateTags('t')
    await first.clear()
    lost(shared)
    clock.advance(1_001)
    for (const cache of [first, second, make()]) {
      expect(await cache.getMany(['a', 'b'])).toEqual([undefined, undefined])
    }
    expect(await second.getOrLoad('a', () => 'new', { tags: ['t'] })).toBe('new')
    await turn()
    clock.advance(1_001)
    expect(await first.get('a')).toBe('new')
  })

  it('are replaced when something else lies in their place', async () => {
    const { first, second, shared, clock } = processes(2)
    await first.getOrLoad('k', () => 'old', { tags: ['t'] })
    await turn()
    for (const [key, value] of shared.versions)
      shared.versions.set(key, { ...value, data: { not: 'ours' } })
    clock.advance(1_001)
    expect(await second.get('k')).toBeUndefined()
    expect(await second.getOrLoad('k', () => 'new', { tags: ['t'] })).toBe('new')
    await turn()
    expect([...shared.versions.values()].every(({ data }) => typeof data === 'string')).toBe(true)
    expect(await second.get('k')).toBe('new')
  })

  it('come back from a slow answer only if nothing was changed here since it was asked', async () => {
    const { first, shared, clock } = processes(1)
    await first.getOrLoad('k', () => 'old', { tags: ['t'] })
    await turn()
    clock.advance(1_001)
    // The store has read the old version, and its answer is on its way.
    const slow = deferred()
    shared.versionScript = (_, effect) => {
      const seen = effect()
      return slow.promise.then(() => seen)
    }
    const before = first.get('k')
    await turn()
    shared.versionScript = atOnce
    await first.invalidateTags('t')
    slow.resolve()
    await before
    await turn()
    expect(await first.get('k')).toBeUndefined()
    expect(first.peek('k')).toBeUndefined()
  })

  it('find what another process has made anew below a copy that is over', async () => {
    const { first, second, clock } = processes(2)
    await first.getOrLoad('k', () => 'old', { tags: ['t'] })
    await turn()
    expect(await second.get('k')).toBe('old')
    await first.invalidateTags('t')
    await first.getOrLoad('k', () => 'new', { tags: ['t'] })
    await turn()
    clock.advance(1_001)
    const load = (): never => {
      throw new Error('needs no load')
    }
    expect(await second.getOrLoad('k', load, { tags: ['t'] })).toBe('new')
    expect(second.peek('k')).toBe('new')
    clock.advance(1_001)
    expect(await second.getOrLoadMany(['k'], load)).toEqual(['new'])
  })
})

describe('when the shared tier does not tell versions', () => {
  it('hits go by what is known, and wait for it a moment at most', async () => {
    const { first, shared, clock, events } = processes(1)
    await first.getOrLoad('k', () => 1, { tags: ['t'] })
    await turn()
    const { script } = held()
    shared.versionScript = script
    clock.advance(5_000)
    let answer: unknown
    void first.get('k').then((value) => (answer = value))
    await turn()
    expect(answer).toBeUndefined()
    clock.advance(101)
    await turn()
    await turn()
    expect(answer).toBe(1)
    clock.advance(2_000)
    await turn()
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
    // Known to be down: nobody waits any more.
    clock.advance(1_500)
    expect(await first.get('k')).toBe(1)
    expect(first.peek('k')).toBe(1)
  })

  it('loads go on, and what they give serves a little longer without being stored', async () => {
    const { first, shared, clock } = processes(1)
    shared.versionScript = failing
    let loads = 0
    const load = (): number => (loads += 1)
    expect(await first.getOrLoad('k', load)).toBe(1)
    expect(await first.getOrLoad('k', load)).toBe(1)
    expect(shared.entries.size).toBe(0)
    expect(first.stats()).toMatchObject({ stores: 0, storeErrors: 1 })
    clock.advance(1_000)
    await turn()
    shared.versionScript = atOnce
    expect(await first.getOrLoad('k', load)).toBe(2)
    await turn()
    expect(await first.get('k')).toBe(2)
    expect(first.stats().stores).toBe(1)
  })

  it('a write fails and says so; the first one after the outage succeeds', async () => {
    const { first, shared } = processes(1)
    shared.versionScript = failing
    await expect(first.set('k', 1)).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    await expect(first.setMany([['k', 1]])).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    shared.versionScript = atOnce
    await first.set('k', 2)
    expect(await first.get('k')).toBe(2)
  })

  it('an invalidation fails and says so, and is done once the store has it', async () => {
    const { first, second, shared, clock } = processes(2)
    await first.getOrLoad('k', () => 'old', { tags: ['t'] })
    await turn()
    shared.versionScript = failing
    await expect(first.invalidateTags('t')).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    await expect(first.clear()).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
    shared.versionScript = atOnce
    clock.advance(1_001)
    // It was not done, nobody pretends that it was, and it can be done again.
    expect(await second.get('k')).toBe('old')
    await first.invalidateTags('t')
    expect(await first.get('k')).toBeUndefined()
    clock.advance(1_001)
    expect(await second.get('k')).toBeUndefined()
  })

  it('a tag that only the value tells is not guessed at', async () => {
    const { first, second, shared } = processes(2)
    await first.set('warm', 1)
    await second.set('warm', 1)
    const gate = deferred<string>()
    const load = first.getOrLoad('k', async ({ setTags }) => {
      const value = await gate.promise
      setTags('unseen')
      return value
    })
    await turn()
    shared.versionScript = failing
    gate.resolve('value')
    expect(await load).toBe('value')
    await turn()
    shared.versionScript = atOnce
    expect(shared.entries.has('k')).toBe(false)
  })
})

describe('over a tier that stores bare values', () => {
  const raw = (clock: ReturnType<typeof manualClock>) => {
    const entries = new Map<string, Uint8Array>()
    return liftBackend(
      {
        label: 'raw',
        layout: 'raw',
        keyFormat: {
          id: 'text',
          encode: (text: string) => text,
          decode: (key: string) => key,
        },
        valueFormat: cbor,
        compressor: {
          id: 'none',
          compress: (bytes: Uint8Array) => bytes,
          decompress: (bytes: Uint8Array) => bytes,
        },
        read: (key: string) => {
          const bytes = entries.get(key)
          return bytes && { bytes, ttlMs: 60_000, freshMs: 60_000 }
        },
        write: (key: string, { bytes }) => void entries.set(key, bytes),
        remove: (key: string) => ({ count: Number(entries.delete(key)) }) as never,
      },
      { clock },
    )
  }

  it('values work as ever, and tags and clear are refused rather than forgotten', async () => {
    const clock = manualClock()
    const cache = createCache({ tiers: [memory(clock), raw(clock)], clock, ttl: '1m' })
    onTestFinished(() => cache.close({ timeout: 0 }))
    expect(await cache.getOrLoad('k', () => undefined as unknown)).toBeUndefined()
    await cache.set('l', 1)
    expect(await cache.getMany(['l'])).toEqual([1])
    const unsupported = { code: 'UNSUPPORTED' }
    await expect(cache.clear()).rejects.toMatchObject(unsupported)
    await expect(cache.invalidateTags('t')).rejects.toMatchObject(unsupported)
    await expect(cache.getOrLoad('m', () => 1, { tags: ['t'] })).rejects.toMatchObject(unsupported)
    await expect(cache.set('m', 1, { tags: ['t'] })).rejects.toMatchObject(unsupported)
    expect(() => cache.namespace('n', { tags: ['t'] })).toThrow(
      expect.objectContaining(unsupported),
    )
    expect(() => createCache({ tiers: [raw(clock)], tags: ['t'] })).toThrow(
      expect.objectContaining(unsupported),
    )
  })
})
