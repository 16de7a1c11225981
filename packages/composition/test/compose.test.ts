import {
  CacheError,
  type CacheEvent,
  type CacheValue,
  createContext,
  type ItemResult,
  type KeyTuple,
} from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { chaosBackend, deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { borrowed, compose, type ComposeOptions, withDeadline } from '../src/index.ts'
import { turn } from './support/explore.ts'
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
