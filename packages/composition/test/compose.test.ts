import {
  CacheError,
  type CacheEvent,
  type CacheValue,
  createContext,
  type ItemResult,
  type KeyTuple,
  liftBackend,
} from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { memoryBackend } from '@hitbox/memory'
import { chaosBackend, deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { borrowed, compose, type ComposeOptions, tierGuard, withDeadline } from '../src/index.ts'
import { turn } from './support/explore.ts'
import { guardUntil } from './support/guard-until.ts'
import { MapStore } from './support/map-store.ts'
import { atOnce, failure, scriptedTier, soon } from './support/scripted-tier.ts'

const clock = manualClock()
const entry = <T>(data: T, ttlMs = 60_000, freshMs = ttlMs): CacheValue<T> => ({
  data,
  staleAt: clock.now() + freshMs,
  expiresAt: clock.now() + ttlMs,
  meta: undefined,
})
const codeOf = (run: () => unknown): unknown => {
  try {
    run()
    return 'nothing thrown'
  } catch (error) {
    return CacheError.is(error) ? error.code : error
  }
}
const values = (results: readonly ItemResult<CacheValue<unknown> | undefined>[]): unknown[] =>
  results.map((result) => (result.ok ? result.value?.data : 'failed'))

function two(options: ComposeOptions = {}): {
  memory: ReturnType<typeof scriptedTier>
  redis: ReturnType<typeof scriptedTier>
  tiers: ReturnType<typeof compose>
  events: CacheEvent[]
} {
  const memory = scriptedTier('memory')
  const redis = scriptedTier('redis', soon)
  const events: CacheEvent[] = []
  const tiers = compose(memory, redis, {
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  })
  return { memory, redis, tiers, events }
}

/** A first tier whose copies do not count any more. */
function mistrusted(): {
  memory: ReturnType<typeof memoryBackend>
  redis: ReturnType<typeof scriptedTier>
  tiers: ReturnType<typeof compose>
} {
  const until = clock.now()
  const guard = guardUntil(() => until)
  const memory = memoryBackend({ maxEntries: 10, clock })
  const redis = scriptedTier('redis')
  return { memory, redis, tiers: compose(memory, redis, { clock, guard }) }
}

describe('what compose has at once', () => {
  it('is what the first tier has at once, counted and told as a read', () => {
    const memory = memoryBackend({ maxEntries: 10, clock })
    const redis = scriptedTier('redis', soon)
    const events: CacheEvent[] = []
    const tiers = compose(memory, redis, { clock, onEvent: (event) => events.push(event) })
    memory.set('k', entry(1))
    expect(tiers.hit?.('k')).toBe(memory.peek('k'))
    expect(tiers.stats().hits).toBe(1)
    expect(events).toEqual([{ type: 'hit', source: 'tiers.memory', key: 'k', stale: false }])
    expect(redis.calls).toEqual([])
  })

  it('is nothing that a lower tier has, and asks and counts nothing', () => {
    const memory = memoryBackend({ maxEntries: 10, clock })
    const redis = scriptedTier('redis')
    const tiers = compose(memory, redis, { clock })
    redis.entries.set('k', entry(1))
    memory.set('stale', entry(1, 1_000, 0))
    expect(tiers.hit?.('k')).toBeUndefined()
    expect(tiers.hit?.('stale')).toBeUndefined()
    expect(redis.calls).toEqual([])
    expect(tiers.stats()).toMatchObject({ hits: 0, misses: 0 })
    expect(memory.stats()).toMatchObject({ hits: 0, misses: 0 })
  })

  it('is what a nested composition has at once', () => {
    const memory = memoryBackend({ maxEntries: 10, clock })
    const inner = compose(memory, scriptedTier('store', soon), { clock })
    const tiers = compose(inner, scriptedTier('disk', soon), { clock })
    memory.set('k', entry(1))
    expect(tiers.hit?.('k')).toBe(memory.peek('k'))
  })

  it('is nothing where the first tier may not vouch for it, which counts no hit there', () => {
    const { memory, tiers } = mistrusted()
    memory.set('k', entry(1))
    expect(tiers.hit?.('k')).toBeUndefined()
    expect(memory.stats().hits).toBe(0)
  })

  it.each(['race', 'parallel'] as const)('is nothing with the policy %s', (read) => {
    const memory = memoryBackend({ maxEntries: 10, clock })
    const tiers = compose(memory, scriptedTier('redis'), { clock, read })
    memory.set('k', entry(1))
    expect(tiers.hit?.('k')).toBeUndefined()
  })

  it('is nothing where the first tier has nothing at once, and an error once it is closed', async () => {
    const tiers = compose(scriptedTier('a'), scriptedTier('b'))
    expect(tiers.hit?.('k')).toBeUndefined()
    await tiers.close()
    expect(codeOf(() => tiers.hit?.('k'))).toBe('CLOSED')
  })
})

describe('compose', () => {
  it('tells options from a backend by shape, and takes any number of tiers', () => {
    const tiers = compose(scriptedTier('a'), scriptedTier('b'), scriptedTier('c'))
    expect(tiers.label).toBe('tiers')
    expect(compose(tiers, scriptedTier('d'), { label: 'outer' }).label).toBe('outer')
  })

  it.each<[string, () => unknown]>([
    ['one tier', () => compose(...([scriptedTier('a')] as never))],
    ['one tier and options', () => compose(...([scriptedTier('a'), {}] as never))],
    ['a tier that is none', () => compose(...([scriptedTier('a'), {}, {}] as never))],
    [
      'a tier twice',
      () => {
        const tier = scriptedTier('a')
        return compose(tier, tier)
      },
    ],
    [
      'too many tiers',
      () => compose(...(Array.from({ length: 17 }, (_, at) => scriptedTier(`t${at}`)) as never)),
    ],
    ['a misspelt option', () => two({ lable: 'x' } as ComposeOptions)],
    ['a label with a dot', () => two({ label: 'a.b' })],
    ['an unknown read policy', () => two({ read: 'fastest' as 'race' })],
    [
      'losers without a race',
      () => two({ read: { policy: 'parallel' as 'race', losers: 'drop' } }),
    ],
    ['unknown losers', () => two({ write: { policy: 'race', losers: 'x' as 'drop' } })],
    ['a bound per tier too many', () => two({ maxTtl: ['1s', '1s', '1s'] })],
    ['a bound of nothing', () => two({ maxTtl: ['0ms'] })],
    ['a bound without a unit', () => two({ maxTtl: ['60' as '60s'] })],
    ['an unknown refill', () => two({ refill: 'sometimes' as 'always' })],
    ['an unknown answer to failed deletes', () => two({ onDeleteError: 'ignore' as 'reject' })],
  ])('refuses %s when it is made', (_, make) => {
    expect(codeOf(make)).toBe('INVALID_OPTION')
  })

  describe('a hit in a synchronous first tier', () => {
    it('is answered at once with the object that the tier gave', () => {
      const { memory, redis, tiers } = two()
      const value = entry('a')
      memory.entries.set('k', value)
      expect(tiers.get('k')).toBe(value)
      expect(redis.calls).toEqual([])
    })

    it('is peeked at without a promise, where the first tier can', () => {
      const memory = memoryBackend({ maxEntries: 10, clock })
      const tiers = compose(memory, scriptedTier('redis', soon), { clock })
      memory.set('k', entry('a', 1_000))
      expect(tiers.peek?.('k')?.data).toBe('a')
      expect(tiers.stats().hits).toBe(0)
      expect(tiers.peek?.('other')).toBeUndefined()
      clock.advance(1_000)
      expect(tiers.peek?.('k')).toBeUndefined()
      expect(Object.entries(two().tiers)).not.toContainEqual(['peek', expect.any(Function)])
    })
  })

  describe('a hit below', () => {
    it('is copied up with the same moments, to the millisecond', async () => {
      const { memory, redis, tiers } = two()
      const value = entry('a', 1_001, 333)
      redis.entries.set('k', value)
      expect(await tiers.get('k')).toEqual(value)
      expect(memory.entries.get('k')).toEqual(value)
      expect(memory.entries.get('k')?.expiresAt).toBe(value.expiresAt)
    })

    it('is not copied up when it is stale: its replacement comes from below', async () => {
      const { memory, redis, tiers } = two()
      redis.entries.set('k', entry('a', 60_000, 0))
      const context = createContext()
      expect((await tiers.get('k', { context }))?.data).toBe('a')
      expect(context).toMatchObject({ status: 'stale', source: 'tiers.redis', refilled: false })
      expect(memory.entries.size).toBe(0)
    })

    it('is not copied up when refills are off', async () => {
      const { memory, redis, tiers } = two({ refill: 'never' })
      redis.entries.set('k', entry('a'))
      await tiers.get('k')
      expect(memory.calls).toEqual(['get k'])
    })

    it('is answered although the copy fails, which is told and counted', async () => {
      const { memory, redis, tiers, events } = two()
      redis.entries.set('k', entry('a'))
      memory.script = (call, effect) => {
        if (call.verb === 'set') throw new Error('no room')
        return effect()
      }
      const context = createContext()
      expect((await tiers.get('k', { context }))?.data).toBe('a')
      expect(context.refilled).toBe(false)
      const errors = events.filter((event) => event.type === 'error')
      expect(errors).toMatchObject([
        {
          source: 'tiers.memory',
          operation: 'refill',
          key: 'k',
          error: { code: 'BACKEND_FAILED' },
        },
      ])
      expect(tiers.stats().errors).toBe(1)
    })

    it('is answered before the copy is made in an upper tier that takes its time', async () => {
      const { memory, redis, tiers, events } = two()
      const written = deferred()
      memory.script = async (call, effect) => {
        if (call.verb === 'set') await written.promise
        return effect()
      }
      redis.entries.set('k', entry('a'))
      redis.entries.set('l', entry('b'))
      expect((await tiers.get('k'))?.data).toBe('a')
      // From the first slow one on, the offload makes the copies.
      expect((await tiers.get('l'))?.data).toBe('b')
      await turn()
      expect(memory.entries.size).toBe(0)
      written.resolve()
      await turn()
      expect(memory.entries.size).toBe(2)
      expect(
        events.filter((event) => event.type === 'offload').map((event) => event.state),
      ).toEqual(['started', 'completed'])
    })

    it('is answered although the offload throws or refuses', async () => {
      for (const register of [
        () => false,
        () => {
          throw new Error('broken')
        },
      ]) {
        const { memory, redis, tiers } = two({ offload: { register } })
        memory.script = soon
        redis.entries.set('k', entry('a'))
        redis.entries.set('l', entry('b'))
        expect((await tiers.get('k'))?.data).toBe('a')
        expect((await tiers.get('l'))?.data).toBe('b')
        await turn()
        expect([...memory.entries.keys()]).toEqual(['k'])
      }
    })

    it('is not copied up by an offload that begins after the key was deleted', async () => {
      const tasks: ((signal: AbortSignal) => Promise<unknown>)[] = []
      const offload = {
        register: ({ run }: { run: (signal: AbortSignal) => Promise<unknown> }) =>
          tasks.push(run) > 0,
      }
      const { memory, redis, tiers, events } = two({ offload })
      memory.script = soon
      for (const key of ['first', 'k']) {
        redis.entries.set(key, entry(key))
        await tiers.get(key)
        await turn()
      }
      await tiers.delete('k')
      for (const run of tasks) await run(new AbortController().signal)
      expect(memory.entries.has('k')).toBe(false)
      expect(events).toContainEqual({
        type: 'refill',
        source: 'tiers.memory',
        key: 'k',
        done: false,
      })
    })
  })

  describe('maxTtl', () => {
    it('bounds copies above, for refills and writes, and when they go stale', async () => {
      const { memory, redis, tiers } = two({ maxTtl: ['10s'] })
      await tiers.set('k', entry(1, 60_000, 30_000))
      expect(memory.entries.get('k')).toEqual(entry(1, 10_000, 10_000))
      expect(redis.entries.get('k')).toEqual(entry(1, 60_000, 30_000))
      memory.entries.clear()
      await tiers.get('k')
      expect(memory.entries.get('k')).toEqual(entry(1, 10_000, 10_000))
    })

    it('never lengthens a life', async () => {
      const { memory, redis, tiers } = two({ maxTtl: ['10s'] })
      redis.entries.set('k', entry(1, 5_000, 2_000))
      await tiers.get('k')
      expect(memory.entries.get('k')).toEqual(entry(1, 5_000, 2_000))
    })

    it('bounds a life without end', async () => {
      const { memory, tiers } = two({ maxTtl: ['10s', '1m'] })
      const never = Number.POSITIVE_INFINITY
      await tiers.setMany([['k', { data: 1, staleAt: never, expiresAt: never }]])
      expect(memory.entries.get('k')).toEqual(entry(1, 10_000))
    })

    it('of a lower tier bounds the tiers above it too', async () => {
      const { memory, redis, tiers } = two({ maxTtl: [undefined, '1m'] })
      await tiers.set('k', entry(1, 3_600_000))
      expect(redis.entries.get('k')).toEqual(entry(1, 60_000))
      expect(memory.entries.get('k')).toEqual(entry(1, 60_000))
    })
  })

  describe('what a read says', () => {
    it('is the path of the tier that answered, through nested compositions', async () => {
      const memory = memoryBackend({ maxEntries: 10, clock })
      const store = scriptedTier('store', soon)
      const disk = scriptedTier('disk', soon)
      const inner = compose(memory, store, { label: 'inner', clock })
      const tiers = compose(inner, disk, { label: 'outer', clock, read: 'sequential' })
      const ask = async (): Promise<unknown> => {
        const context = createContext()
        await tiers.get('k', { context })
        return [context.source, context.refilled]
      }
      disk.entries.set('k', entry('a'))
      expect(await ask()).toEqual(['outer.disk', true])
      await turn()
      expect(await ask()).toEqual(['outer.inner.memory', false])
      memory.delete('k')
      expect(await ask()).toEqual(['outer.inner.store', true])
    })

    it.each(['race', 'parallel'] as const)('is the same for the policy %s', async (read) => {
      const store = scriptedTier('store', soon)
      const inner = compose(scriptedTier('memory', soon), store, { label: 'inner', clock, read })
      const tiers = compose(scriptedTier('top', soon), inner, { label: 'outer', clock, read })
      store.entries.set('k', entry('a'))
      const context = createContext()
      await tiers.get('k', { context })
      expect(context).toMatchObject({
        status: 'hit',
        source: 'outer.inner.store',
        ttlMs: 60_000,
        refilled: true,
        failures: [],
      })
    })

    it('is why there is nothing', async () => {
      const memory = memoryBackend({ maxEntries: 10, clock })
      const redis = memoryBackend({ maxEntries: 10, clock, label: 'redis' })
      const tiers = compose(memory, redis, { clock })
      const context = createContext()
      expect(tiers.get('k', { context })).toBeUndefined()
      expect(context).toMatchObject({ status: 'forward', source: 'upstream', missReason: 'absent' })
      redis.set('k', entry(1, 10))
      clock.advance(10)
      expect(tiers.get('k', { context })).toBeUndefined()
      expect(context.missReason).toBe('expired')
    })

    it('is exact when the first tier explains nothing', () => {
      const own = manualClock()
      own.recent = () => own.now() - 1
      const { memory } = two()
      const tiers = compose(memory, scriptedTier('redis'), { clock: own })
      memory.entries.set('k', { data: 1, staleAt: own.now() + 50, expiresAt: own.now() + 90 })
      const context = createContext()
      void tiers.get('k', { context })
      expect(context).toMatchObject({ status: 'hit', source: 'tiers.memory', ttlMs: 90 })
    })

    it('keeps why a tier lacked a key when the tiers below fail, nested or not', async () => {
      const memory = memoryBackend({ maxEntries: 10, clock })
      const broken = (label: string) => scriptedTier(label, () => Promise.reject(failure(label)))
      memory.set('k', entry(1, 10))
      clock.advance(10)
      const inner = compose(broken('a'), broken('b'), { label: 'inner', clock })
      const tiers = compose(memory, inner, { clock })
      const single = createContext()
      await tiers.get('k', { context: single })
      memory.set('k', entry(1, 10))
      clock.advance(10)
      const batch = createContext()
      await tiers.getMany(['k'], { contexts: [batch] })
      for (const context of [single, batch]) {
        expect(context).toMatchObject({
          status: 'forward',
          missReason: 'expired',
          failures: [
            { details: { source: 'a' } },
            { details: { source: 'b' } },
            { code: 'BOTH_TIERS_FAILED' },
          ],
        })
      }
    })

    describe('of each key of a batch,', () => {
      const NEWER = Uint8Array.of(0xb7, 0x48, 2, 1, 2, 3)

      it.each(['sequential', 'race', 'parallel'] as const)(
        'is what a read of it says, with the policy %s',
        async (read) => {
          const memory = memoryBackend({ maxEntries: 20, clock })
          const store = new MapStore(cbor, clock)
          const lower = liftBackend(store, { clock })
          const tiers = compose(memory, lower, { clock, read, refill: 'never' })
          await tiers.set('both', entry(1))
          await lower.set('below', entry(2, 1_000, 500))
          await lower.set('stale', entry(3, 1_000, 0))
          await store.write('newer', { bytes: NEWER, ttlMs: 1_000, freshMs: 1_000 })
          const keys = ['below', 'none', 'both', 'newer', 'stale', 'both', 'none']
          const contexts = keys.map(() => createContext())
          await tiers.getMany(keys, { contexts })
          for (const [index, key] of keys.entries()) {
            const alone = createContext()
            await tiers.get(key, { context: alone })
            expect(contexts[index]).toEqual(alone)
          }
          expect(contexts[3]).toMatchObject({ status: 'forward', missReason: 'newer-version' })
          expect(contexts[0]).toMatchObject({ status: 'hit', source: 'tiers.store', ttlMs: 1_000 })
        },
      )

      it.each(['sequential', 'race', 'parallel'] as const)(
        'is which tiers failed it, with the policy %s',
        async (read) => {
          const failing = (label: string, bad: string) =>
            scriptedTier(label, async (call, effect) => {
              if (call.key === bad || call.key === 'worst') throw failure(label)
              return effect()
            })
          const top = failing('top', 'bad')
          const middle = failing('middle', 'worse')
          const bottom = failing('bottom', 'worse')
          const inner = compose(middle, bottom, { label: 'inner', clock, read })
          const tiers = compose(top, inner, { clock, read })
          for (const key of ['good', 'bad']) bottom.entries.set(key, entry(key))
          const keys = ['good', 'bad', 'worse', 'worst']
          const contexts = keys.map(() => createContext())
          const results = await tiers.getMany(keys, { contexts })
          expect(results.map((result) => result.ok)).toEqual([true, true, true, false])
          const sources = contexts.map(({ failures }) =>
            failures.map((error) => ((error as CacheError).details as { source: string }).source),
          )
          const within = ['middle', 'bottom', 'inner']
          expect(sources).toEqual([[], ['top'], within, ['top', ...within]])
          expect(contexts.map(({ source }) => source)).toEqual([
            'tiers.inner.bottom',
            'tiers.inner.bottom',
            'upstream',
            'upstream',
          ])
        },
      )

      it('is whether it was copied up, each by itself', async () => {
        const { memory, redis, tiers } = two()
        memory.entries.set('above', entry(1))
        for (const key of ['good', 'full', 'changed']) redis.entries.set(key, entry(key))
        redis.entries.set('stale', entry(1, 60_000, 0))
        memory.script = (call, effect) => {
          if (call.verb === 'set' && call.key === 'full') throw new Error('no room')
          return effect()
        }
        const keys = ['above', 'good', 'full', 'changed', 'stale', 'none']
        const contexts = keys.map(() => createContext())
        const reading = tiers.getMany(keys, { contexts })
        void tiers.delete('changed')
        await reading
        expect(contexts.map(({ refilled }) => refilled)).toEqual([
          false,
          true,
          false,
          false,
          false,
          false,
        ])
      })

      it('is that a copy is on its way into a tier that takes its time', async () => {
        const { memory, redis, tiers } = two()
        memory.script = soon
        for (const key of ['a', 'b']) redis.entries.set(key, entry(key))
        for (const key of ['a', 'b']) {
          const context = createContext()
          await tiers.getMany([key], { contexts: [context] })
          expect(context.refilled).toBe(true)
        }
        const refusing = compose(memory, redis, { clock, offload: { register: () => false } })
        memory.entries.clear()
        const contexts = [createContext(), createContext()]
        await refusing.getMany(['a'], { contexts })
        await turn()
        memory.entries.clear()
        await refusing.getMany(['b'], { contexts: contexts.slice(1) })
        expect(contexts.map(({ refilled }) => refilled)).toEqual([true, false])
      })

      it('is told by the tiers only for keys that have a context', async () => {
        const asked: unknown[] = []
        const store = memoryBackend({ maxEntries: 10, clock })
        const tier = scriptedTier('tier')
        tier.getMany = (keys, options) => {
          asked.push(options?.contexts?.map((context) => context !== undefined))
          return store.getMany(keys, options)
        }
        const tiers = compose(scriptedTier('memory'), tier, { clock })
        await tiers.getMany(['a', 'b', 'c'])
        await tiers.getMany(['a', 'b', 'c'], {})
        await tiers.getMany(['a', 'b', 'c'], { contexts: [undefined, createContext()] })
        expect(asked).toEqual([undefined, undefined, [false, true, false]])
      })

      it('is forgotten of a context that was used before', async () => {
        const { memory, redis, tiers } = two()
        redis.entries.set('k', entry(1))
        const contexts = [createContext()]
        await tiers.getMany(['k'], { contexts })
        expect(contexts[0]).toMatchObject({ source: 'tiers.redis', refilled: true })
        expect(memory.entries.size).toBe(1)
        await tiers.getMany(['k'], { contexts })
        expect(contexts[0]).toMatchObject({ source: 'tiers.memory', refilled: false })
      })
    })

    it('is that the first tier may not vouch for what it has', async () => {
      const { memory, redis, tiers } = mistrusted()
      redis.script = () => Promise.reject(failure())
      memory.set('k', entry(1))
      const context = createContext()
      expect(await tiers.get('k', { context })).toBeUndefined()
      expect(context).toMatchObject({ status: 'forward', missReason: 'untrusted' })
    })

    it('names every failure on the way', async () => {
      const { memory, redis, tiers } = two()
      memory.script = () => {
        throw new Error('broken')
      }
      redis.entries.set('k', entry('a'))
      const context = createContext()
      expect((await tiers.get('k', { context }))?.data).toBe('a')
      expect(context.failures).toMatchObject([
        {
          code: 'BACKEND_FAILED',
          details: { source: 'tiers.memory' },
          cause: { message: 'broken' },
        },
      ])
    })
  })

  it('tells hits with their path, misses, writes, deletes and refills, and counts them', async () => {
    const { tiers, events, redis, memory } = two()
    await tiers.set('k', entry(1))
    await tiers.get('k')
    await tiers.get('none')
    memory.entries.clear()
    await tiers.getMany(['k', 'none'])
    await tiers.delete('k')
    redis.script = () => Promise.reject(failure())
    await tiers.get('k')
    expect(
      events.map((event) => [event.type, event.source, 'key' in event ? event.key : undefined]),
    ).toEqual([
      ['write', 'tiers', 'k'],
      ['hit', 'tiers.memory', 'k'],
      ['miss', 'tiers', 'none'],
      ['hit', 'tiers.redis', 'k'],
      ['miss', 'tiers', 'none'],
      ['refill', 'tiers.memory', 'k'],
      ['delete', 'tiers', 'k'],
      ['error', 'tiers.redis', 'k'],
      ['miss', 'tiers', 'k'],
    ])
    expect(tiers.stats()).toEqual({
      hits: 2,
      misses: 3,
      writes: 1,
      deletes: 1,
      errors: 1,
      dropped: {},
    })
  })

  it('names every tier and its failure when all have failed', async () => {
    const { memory, redis, tiers } = two()
    memory.script = () => {
      throw new Error('secret-of-the-driver')
    }
    redis.script = () => Promise.reject(failure('redis'))
    const error = await Promise.resolve(tiers.get('user:42')).catch((reason: unknown) => reason)
    expect(CacheError.is(error, 'BOTH_TIERS_FAILED')).toBe(true)
    expect(error).toMatchObject({
      message:
        'every tier of "tiers" failed to read: tiers.memory (BACKEND_FAILED), tiers.redis (BACKEND_FAILED)',
      details: {
        source: 'tiers',
        operation: 'read',
        failures: [
          { source: 'tiers.memory', error: { cause: { message: 'secret-of-the-driver' } } },
          { source: 'tiers.redis', error: { details: { source: 'redis' } } },
        ],
      },
      cause: { errors: [{ code: 'BACKEND_FAILED' }, { code: 'BACKEND_FAILED' }] },
    })
  })

  it.each(['sequential', 'race', 'parallel'] as const)(
    'leaves a key that cannot be used to its caller, reading with the policy %s',
    (read) => {
      const { memory, redis, tiers } = two({ read })
      for (const run of [
        () => tiers.get(''),
        () => tiers.set([] as unknown as KeyTuple, entry(1)),
        () => tiers.delete(42 as never),
        () => tiers.getMany(['k', '']),
        () => tiers.setMany([['', entry(1)]]),
        () => tiers.deleteMany(['']),
      ]) {
        expect(codeOf(run)).toBe('INVALID_KEY')
      }
      expect(redis.calls).toEqual([])
      expect(memory.calls.length + tiers.stats().errors).toBe(0)
    },
  )

  it('refuses an entry that is none before any tier is asked', () => {
    const { redis, tiers } = two()
    expect(codeOf(() => tiers.set('k', { data: 1, staleAt: 1 } as never))).toBe('INVALID_OPTION')
    expect(redis.calls).toEqual([])
  })

  it('takes keys in every form', async () => {
    const { tiers } = two()
    await tiers.set(['user', 42], entry('a'))
    expect((await tiers.get('user:42'))?.data).toBe('a')
    expect(values(await tiers.getMany([['user', 42], 'user:42']))).toEqual(['a', 'a'])
  })

  describe('batches', () => {
    it('ask each tier once, and the next one only for what is missing', async () => {
      const { memory, redis, tiers } = two()
      memory.entries.set('a', entry('memory'))
      redis.entries.set('b', entry('redis'))
      redis.entries.set('d', entry('redis'))
      expect(values(await tiers.getMany(['d', 'a', 'b', 'c', 'b', 'a']))).toEqual([
        'redis',
        'memory',
        'redis',
        undefined,
        'redis',
        'memory',
      ])
      expect(memory.calls).toEqual(['getMany d,a,b,c,b,a', 'setMany d,b,b'])
      expect(redis.calls).toEqual(['getMany d,b,c,b'])
    })

    it('write and delete with one call per tier, duplicates once, and sum what they did', async () => {
      const { memory, redis, tiers } = two()
      expect(
        await tiers.setMany([
          ['a', entry(1)],
          ['b', entry(2)],
          ['a', entry(3)],
        ]),
      ).toEqual([
        { ok: true, value: undefined },
        { ok: true, value: undefined },
        { ok: true, value: undefined },
      ])
      expect(redis.calls).toEqual(['setMany b,a'])
      expect(memory.calls).toEqual(['setMany b,a'])
      expect(memory.entries.get('a')?.data).toBe(3)
      expect(await tiers.deleteMany(['a', 'x'])).toEqual([
        { ok: true, value: { status: 'deleted', count: 2 } },
        { ok: true, value: { status: 'missing', count: 0 } },
      ])
      expect(redis.calls.slice(1)).toEqual(['deleteMany a,x'])
    })

    it('let one item fail alone', async () => {
      const { memory, redis, tiers } = two()
      redis.script = async (call, effect) => {
        if (call.key === 'bad') throw failure('redis')
        return effect()
      }
      memory.entries.set('bad', entry('old'))
      const results = await tiers.setMany([
        ['good', entry(1)],
        ['bad', entry(2)],
      ])
      expect(results.map((result) => result.ok)).toEqual([true, false])
      expect([...memory.entries.keys()]).toEqual(['good'])
      expect((await tiers.deleteMany(['good', 'bad'])).map((result) => result.ok)).toEqual([
        true,
        false,
      ])
      redis.entries.set('other', entry('o'))
      expect(values(await tiers.getMany(['other', 'bad']))).toEqual(['o', undefined])
    })

    it('fail an item only when every tier failed it', async () => {
      const { memory, redis, tiers } = two()
      memory.script = (call, effect) => {
        if (call.key === 'bad') throw failure('memory')
        return effect()
      }
      redis.script = memory.script
      const [good, bad] = await tiers.getMany(['good', 'bad'])
      expect(good).toEqual({ ok: true, value: undefined })
      expect(bad).toMatchObject({ ok: false, error: { code: 'BOTH_TIERS_FAILED' } })
    })

    it('survive a tier whose batch fails as a whole, or leaves out results', async () => {
      const store = memoryBackend({ maxEntries: 10, clock, label: 'store' })
      store.set('k', entry('a'))
      const broken = chaosBackend(memoryBackend({ maxEntries: 10, clock }), 'fail')
      expect(values(await compose(broken, store, { clock }).getMany(['k', 'l']))).toEqual([
        'a',
        undefined,
      ])
      const throwing = scriptedTier('throwing')
      throwing.getMany = () => {
        throw failure()
      }
      expect(values(await compose(throwing, store, { clock }).getMany(['k']))).toEqual(['a'])
      const short = scriptedTier('short')
      short.getMany = () => []
      short.setMany = () => []
      const tiers = compose(short, store, { clock })
      expect(values(await tiers.getMany(['k']))).toEqual(['a'])
      expect(await tiers.setMany([['k', entry('b')]])).toEqual([{ ok: true, value: undefined }])
    })

    it('of nothing ask nobody', () => {
      const { memory, redis, tiers } = two()
      expect([tiers.getMany([]), tiers.setMany([]), tiers.deleteMany([])]).toEqual([[], [], []])
      expect([...memory.calls, ...redis.calls]).toEqual([])
    })

    it('answer at once when the first tier has everything', () => {
      const { memory, tiers } = two()
      memory.entries.set('a', entry(1))
      expect(tiers.getMany(['a', 'a'])).toBeInstanceOf(Array)
    })

    it('answer a race as soon as every item has a value from some tier', async () => {
      const top = scriptedTier('top', soon)
      const never = scriptedTier('never', () => new Promise(() => {}))
      const store = scriptedTier('store', soon)
      top.entries.set('a', entry('top'))
      store.entries.set('b', entry('store'))
      store.entries.set('a', entry('store'))
      const tiers = compose(top, never, store, { clock, read: 'race' })
      expect(values(await tiers.getMany(['a', 'b']))).toEqual(['top', 'store'])
    })
  })

  describe('the lowest tier', () => {
    it('is the last one, also of a nested composition, and answers by itself', async () => {
      const { memory, redis, tiers } = two()
      expect(tiers.lowest).toBe(redis)
      const disk = scriptedTier('disk')
      expect(compose(tiers, disk, { clock }).lowest).toBe(disk)
      expect(compose(disk, tiers, { clock }).lowest).toBe(redis)
      memory.entries.set('k', entry('copy'))
      redis.entries.set('k', entry('final'))
      expect((await tiers.lowest?.get('k'))?.data).toBe('final')
      expect(tiers.stats().hits).toBe(0)
    })

    it('keeps its layers', () => {
      const store = withDeadline(scriptedTier('store'), '1s')
      expect(compose(scriptedTier('memory'), store).lowest).toBe(store)
    })
  })

  it('keeps what travels with values when every tier does', () => {
    const tier = (label: string, keepsMeta?: boolean) =>
      Object.assign(scriptedTier(label), { keepsMeta })
    const lift = (layout?: 'raw') =>
      liftBackend(Object.assign(new MapStore(cbor, clock), { layout }), { clock })
    expect(compose(tier('a'), tier('b', true)).keepsMeta).toBe(true)
    expect(compose(tier('a', false), tier('b')).keepsMeta).toBe(false)
    expect(compose(tier('a'), tier('b'), tier('c', false)).keepsMeta).toBe(false)
    expect(compose(tier('a'), compose(tier('b', false), tier('c'))).keepsMeta).toBe(false)
    expect(compose(tier('a'), lift()).keepsMeta).toBe(true)
    expect(compose(tier('a'), lift('raw')).keepsMeta).toBe(false)
  })

  describe.each(['sequential', 'parallel', 'race'] as const)('accept, read %s', (read) => {
    const accept = ({ data }: CacheValue<unknown>): boolean => data !== 'old'

    it('lets a reader refuse a copy, and puts what is below in its place', async () => {
      const { memory, tiers, redis } = two({ read })
      memory.entries.set('k', entry('old', 60_000, 50_000))
      redis.entries.set('k', entry('new'))
      const context = createContext()
      expect((await tiers.get('k', { accept, context }))?.data).toBe('new')
      expect(context).toMatchObject({ status: 'hit', source: 'tiers.redis', refilled: true })
      expect(memory.entries.get('k')?.data).toBe('new')
      memory.entries.set('k', entry('old', 60_000, 50_000))
      expect(values(await tiers.getMany(['k', 'l'], { accept }))).toEqual(['new', undefined])
      expect(memory.entries.get('k')?.data).toBe('new')
    })

    it('is a miss when every tier has what is refused', async () => {
      const { memory, tiers, redis } = two({ read })
      for (const tier of [memory, redis]) tier.entries.set('k', entry('old'))
      const contexts = [createContext(), createContext()] as const
      expect(await tiers.get('k', { accept, context: contexts[0] })).toBeUndefined()
      expect(values(await tiers.getMany(['k'], { accept, contexts: [contexts[1]] }))).toEqual([
        undefined,
      ])
      for (const context of contexts) {
        expect(context).toMatchObject({ status: 'forward', missReason: 'invalidated' })
      }
      expect(tiers.stats()).toMatchObject({ hits: 0, misses: 2 })
    })
  })

  describe('clear', () => {
    it('is there when every tier can drop everything', () => {
      const shared = liftBackend(new MapStore(cbor, clock), { clock })
      expect(typeof two().tiers.clear).toBe('function')
      const tiers = compose(scriptedTier('memory'), shared)
      expect(typeof tiers.clear).toBe('undefined')
      expect(typeof compose(tiers, scriptedTier('x')).clear).toBe('undefined')
    })

    it('drops what all tiers have, the lowest first, and is neither counted nor told', () => {
      const order: string[] = []
      const { memory, redis, tiers, events } = two()
      for (const tier of [memory, redis]) {
        tier.entries.set('k', entry(1))
        const clear = tier.clear.bind(tier)
        tier.clear = () => {
          order.push(tier.label)
          clear()
        }
      }
      const before = tiers.stats()
      tiers.clear?.()
      expect(order).toEqual(['redis', 'memory'])
      expect([memory.entries.size, redis.entries.size]).toEqual([0, 0])
      expect([tiers.stats(), events]).toEqual([before, []])
    })

    it('refuses copies of what was read before, also those of another composition with the same guard', async () => {
      const guard = tierGuard()
      const { memory, redis, tiers, events } = two({ guard })
      const other = compose(borrowed(memory), borrowed(redis), { clock, guard })
      redis.entries.set('k', entry('old'))
      const context = createContext()
      const read = tiers.get('k', { context })
      const others = [other.get('k'), tiers.getMany(['k'])]
      // The lower tier has read, and its answers are on their way.
      await Promise.resolve()
      tiers.clear?.()
      expect((await read)?.data).toBe('old')
      for (const each of others) await each
      expect(memory.entries.size).toBe(0)
      expect(context.refilled).toBe(false)
      expect(events).toContainEqual({
        type: 'refill',
        source: 'tiers.memory',
        key: 'k',
        done: false,
      })
      expect(await tiers.get('k')).toBeUndefined()
    })

    it('lets copies be made of what is read afterwards', async () => {
      const { memory, redis, tiers } = two()
      tiers.clear?.()
      redis.entries.set('k', entry('new'))
      await tiers.get('k')
      expect(memory.entries.get('k')?.data).toBe('new')
    })

    it('drops what the other tiers have when one cannot, and fails', () => {
      const { memory, redis, tiers, events } = two()
      memory.entries.set('k', entry(1))
      redis.clear = () => {
        throw new Error('stuck')
      }
      expect(codeOf(() => tiers.clear?.())).toBe('BACKEND_FAILED')
      expect(memory.entries.size).toBe(0)
      expect(events).toMatchObject([{ type: 'error', source: 'tiers.redis', operation: 'remove' }])
    })
  })

  describe('closing', () => {
    it('closes the tiers, once', async () => {
      const { memory, redis, tiers } = two()
      await Promise.all([tiers.close(), tiers.close()])
      await tiers[Symbol.asyncDispose]()
      expect([memory.closed, redis.closed]).toEqual([1, 1])
    })

    it('leaves a borrowed tier open, and an offload that was given', async () => {
      const shared = scriptedTier('shared')
      const offload = { register: () => true, close: () => expect.unreachable() }
      const users = compose(scriptedTier('memory'), borrowed(shared), { clock, offload })
      const orders = compose(scriptedTier('memory'), borrowed(shared), { clock })
      await users.close()
      expect(codeOf(() => users.get('k'))).toBe('CLOSED')
      expect(orders.get('k')).toBeUndefined()
      await orders.close()
      expect(shared.closed).toBe(0)
    })

    it('closes the others and rejects when one tier cannot be closed', async () => {
      const { memory, redis, tiers, events } = two()
      memory.close = () => Promise.reject(new Error('stuck'))
      await expect(tiers.close()).rejects.toMatchObject({
        code: 'BACKEND_FAILED',
        message: 'tier "tiers.memory" failed to close',
      })
      expect(redis.closed).toBe(1)
      expect(events).toMatchObject([{ type: 'error', operation: 'close', source: 'tiers.memory' }])
    })

    it('fails every operation from then on', async () => {
      const memory = memoryBackend({ maxEntries: 1, clock })
      const tiers = compose(memory, scriptedTier('redis'), { clock })
      await tiers.close()
      for (const run of [
        () => tiers.get('k'),
        () => tiers.peek?.('k'),
        () => tiers.set('k', entry(1)),
        () => tiers.delete('k'),
        () => tiers.getMany(['k']),
        () => tiers.setMany([['k', entry(1)]]),
        () => tiers.deleteMany(['k']),
        () => tiers.clear?.(),
      ]) {
        expect(codeOf(run)).toBe('CLOSED')
      }
      await expect(tiers.ready()).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })

  it('is ready when its tiers are', async () => {
    const { redis, tiers } = two()
    await expect(tiers.ready({ timeout: '1s' })).resolves.toBeUndefined()
    redis.ready = () => Promise.reject(failure('redis'))
    await expect(tiers.ready()).rejects.toMatchObject({ code: 'BACKEND_FAILED' })
  })

  it('lets a deadline end the wait for a tier that hangs', async () => {
    const store = scriptedTier('store', () => new Promise(() => {}))
    const tiers = compose(scriptedTier('memory'), withDeadline(store, '200ms', { clock }), {
      clock,
    })
    const read = tiers.get('k')
    const written = Promise.resolve(tiers.set('k', entry(1))).catch((error: unknown) => error)
    clock.advance(200)
    expect(await read).toBeUndefined()
    expect(await written).toMatchObject({ code: 'TIMEOUT' })
  })

  it('copies a value found in a nested composition only into the tiers that lacked it', async () => {
    const top = scriptedTier('top', atOnce)
    const middle = scriptedTier('middle', atOnce)
    const bottom = scriptedTier('bottom', soon)
    const inner = compose(middle, bottom, { clock })
    const tiers = compose(top, inner, { clock })
    middle.entries.set('k', entry('a'))
    await tiers.get('k')
    expect(top.entries.has('k')).toBe(true)
    // The tier that had it is not written again, nor is the one below.
    expect([...middle.calls, ...bottom.calls]).toEqual(['get k'])
  })

  it('leaves refills of a nested composition to its own policy', async () => {
    const top = scriptedTier('top')
    const middle = scriptedTier('middle')
    const bottom = scriptedTier('bottom', soon)
    bottom.entries.set('k', entry('a'))
    const tiers = compose(top, compose(middle, bottom, { clock }), { clock, refill: 'never' })
    await tiers.get('k')
    expect([top.entries.size, middle.entries.size]).toEqual([0, 1])
  })
})
