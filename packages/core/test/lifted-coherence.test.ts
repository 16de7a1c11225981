import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import {
  type Backend,
  type CacheBackend,
  cacheValue,
  type Coherence,
  compact,
  hashed,
  type KeyFormat,
  liftBackend,
  urlEncoded,
} from '../src/index.ts'
import { SharedStore, ToldFeed } from './shared-store.ts'

const clock = manualClock()
const value = cacheValue('v', { ttl: '1m', clock })

/** Like a hash that nobody can read back. */
const oneWay: KeyFormat<string> = {
  id: 'one-way',
  encode: (text) => `~~${text.length}-${text.slice(-40)}`,
  decode: () => undefined,
}

interface Opened {
  readonly store: SharedStore
  readonly tier: CacheBackend
  readonly coherence: Coherence
  /** What a listener from the beginning on was told. */
  readonly told: string[]
  readonly unlisten: () => void
}

const LONG = 'long '.repeat(300)

function open(keyFormat: KeyFormat<string> = hashed(urlEncoded)): Opened {
  const store = Object.assign(new SharedStore(() => clock.now()), { keyFormat })
  const tier = liftBackend(store, { clock })
  const told: string[] = []
  const coherence = tier.coherence!
  const unlisten = coherence.listen({
    changed: (key) => void told.push(key),
    changedAll: () => void told.push('all'),
  })
  return { store, tier, coherence, told, unlisten }
}

describe('the coherence of a lifted store', () => {
  it('is there where the store has a feed, whatever its layout', () => {
    const lifted = (changes: object): CacheBackend =>
      liftBackend(Object.assign(new SharedStore(() => clock.now()), changes), { clock })
    expect(lifted({}).coherence).toBeDefined()
    expect(lifted({ layout: 'raw' }).coherence).toBeDefined()
    expect(lifted({ feed: undefined }).coherence).toBeUndefined()
  })

  it('says what the feed says, at the moment it is asked', () => {
    const { coherence, store } = open()
    expect(coherence).toMatchObject({ mode: 'tracking', maxStaleMs: 1_000, copyMs: Infinity })
    Object.assign(store.feed, { mode: 'pubsub', maxStaleMs: 5, copyMs: 5, fence: 17 })
    expect(coherence).toMatchObject({ mode: 'pubsub', maxStaleMs: 5, copyMs: 5, fence: 17 })
    store.feed.mode = undefined
    expect(coherence.mode).toBeUndefined()
  })

  it('asks the feed by the keys of the store', async () => {
    const { coherence, store } = open()
    store.feed.fence = 41
    expect(coherence.fenceOf('a b')).toBe(42)
    await coherence.barrier(['a b', 'c'])
    await coherence.barrier()
    expect(coherence.stamp(['a b'])).toBe('s1')
    expect(coherence.stamp()).toBe('s1')
    expect(coherence.reached('s1')).toBe(true)
    expect(coherence.reached('other')).toBe(false)
    expect(store.feed.asked).toEqual([
      'fenceOf ~a%20b',
      'barrier ~a%20b,c',
      'barrier all',
      'stamp ~a%20b',
      'stamp all',
    ])
  })

  it('tells keys by their text, known before or not, and that anything may have changed', () => {
    const { store, told } = open()
    store.feed.changed('a')
    store.feed.changed('~b%20c')
    store.feed.changedAll()
    expect(told).toEqual(['a', 'b c', 'all'])
  })

  it('does so where the keys of the store are bytes', () => {
    const told: string[] = []
    const feed = new ToldFeed<Uint8Array>()
    const shared = new SharedStore(() => clock.now())
    const store: unknown = Object.assign(shared, { keyFormat: compact, feed })
    const tier = liftBackend(store as Backend<Uint8Array>, { clock })
    tier.coherence!.listen({ changed: (key) => void told.push(key), changedAll: () => {} })
    feed.changed(compact.encode('user:1'))
    feed.changed(Uint8Array.of(9, 9))
    expect(told).toEqual(['user:1'])
  })

  describe('of keys that do not tell their text', () => {
    const read = ({ tier }: Opened, key: string): unknown => tier.get(key)
    const USES: readonly [string, (opened: Opened, key: string) => unknown][] = [
      ['read', read],
      ['written', ({ tier }, key) => tier.set(key, value)],
      ['removed', ({ tier }, key) => tier.delete(key)],
      ['read in a batch', ({ tier }, key) => tier.getMany(['other', key])],
      ['written in a batch', ({ tier }, key) => tier.setMany([[key, value]])],
      ['wanted to be filled', ({ tier }, key) => tier.leases!.take(key)],
      ['made stale', ({ tier }, key) => tier.leases!.expire(key)],
    ]

    it.each(USES)('tells one that was %s', async (_, use) => {
      const formats: [KeyFormat<string>, string][] = [
        [hashed(urlEncoded), LONG],
        [oneWay, 'k'],
      ]
      for (const [format, text] of formats) {
        const opened = open(format)
        await use(opened, text)
        opened.store.feed.changed(format.encode(text))
        expect(opened.told).toEqual([text])
      }
    })

    it('knows the text before the store is asked, since its answer may come after the news', async () => {
      const opened = open(oneWay)
      const { store, told } = opened
      const before = store.read.bind(store)
      Object.assign(store, {
        read(key: string) {
          store.feed.changed(key)
          return before(key)
        },
      })
      await read(opened, 'k')
      expect(told).toEqual(['k'])
    })

    it('tells of it each time, and nothing of one that was never used', async () => {
      const opened = open(oneWay)
      const { store, told } = opened
      await read(opened, 'k')
      store.feed.changed(oneWay.encode('k'))
      store.feed.changed(oneWay.encode('k'))
      store.feed.changed(oneWay.encode('other'))
      expect(told).toEqual(['k', 'k'])
    })

    it('remembers 10,000, and tells that the one used longest ago has changed when it forgets it', async () => {
      const opened = open(oneWay)
      const { store, told } = opened
      for (let index = 0; index < 10_000; index += 1) await read(opened, `k${index}`)
      await read(opened, 'k0')
      expect(told).toEqual([])
      await read(opened, 'one more')
      expect(told).toEqual(['k1'])
      store.feed.changed(oneWay.encode('k1'))
      store.feed.changed(oneWay.encode('k0'))
      store.feed.changed(oneWay.encode('k9999'))
      expect(told).toEqual(['k1', 'k0', 'k9999'])
    })

    it('remembers nothing while nobody listens, and forgets when the last one ends it', async () => {
      const opened = open(oneWay)
      const { coherence, store, told, unlisten } = opened
      await read(opened, 'before')
      unlisten()
      await read(opened, 'meanwhile')
      coherence.listen({ changed: (key) => void told.push(key), changedAll: () => {} })
      await read(opened, 'after')
      for (const text of ['before', 'meanwhile', 'after']) store.feed.changed(oneWay.encode(text))
      expect(told).toEqual(['after'])
    })

    it('remembers none that can be read back', async () => {
      const opened = open()
      for (let index = 0; index < 10_100; index += 1) await read(opened, `k${index}`)
      expect(opened.told).toEqual([])
    })
  })

  it('tells each listener, until that one ends it, and once for each time it listens', () => {
    const { coherence, store, told, unlisten } = open()
    const mine: string[] = []
    const listener = {
      changed: (key: string) => void mine.push(key),
      changedAll: () => void mine.push('all'),
    }
    const first = coherence.listen(listener)
    const second = coherence.listen(listener)
    store.feed.changed('a')
    expect([told, mine]).toEqual([['a'], ['a', 'a']])
    unlisten()
    first()
    first()
    store.feed.changed('b')
    store.feed.changedAll()
    expect([told, mine]).toEqual([['a'], ['a', 'a', 'b', 'all']])
    second()
    store.feed.changed('c')
    expect(mine).toHaveLength(4)
    expect(store.feed.listeners.size).toBe(0)
  })
})
