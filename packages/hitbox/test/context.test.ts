import { channel } from 'node:diagnostics_channel'
import { EVENT_CHANNEL } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import type { HitboxEvent, RequestEvent, State } from '../src/index.ts'
import { scriptedTier, soon } from './support/scripted-tier.ts'
import { memory, open, source, turn } from './support/setup.ts'

describe('withContext', () => {
  it('tells a miss, its load and its store', async () => {
    const clock = manualClock()
    const { cache } = open({ clock, tiers: [memory(clock), scriptedTier('store', soon)] })
    const { loads, load } = source()
    const call = cache.getOrLoad.withContext('k', load)
    const joined = cache.getOrLoad.withContext('k', load)
    await turn()
    clock.advance(30)
    loads[0]?.resolve('v')
    const { value, context } = await call
    expect(value).toBe('v')
    expect(context).toMatchObject({
      status: 'forward',
      forward: 'miss',
      source: 'upstream',
      missReason: 'absent',
      collapsed: false,
      ageMs: 0,
      ttlMs: 60_000,
      loadMs: 30,
      durationMs: 30,
    })
    expect((await joined).context).toMatchObject({ forward: 'miss', collapsed: true, loadMs: 30 })
    await turn()
    expect(context.stored).toBe(true)
    clock.advance('10s')
    expect((await cache.getOrLoad.withContext('k', load)).context).toMatchObject({
      status: 'hit',
      forward: undefined,
      source: 'tiers.memory',
      collapsed: false,
      stored: undefined,
      ageMs: 10_000,
      ttlMs: 50_000,
      loadMs: 30,
    })
  })

  it('tells from which tier an answer came, and whether it was copied up', async () => {
    const clock = manualClock()
    const upper = memory(clock)
    const { cache } = open({ clock, label: 'users', tiers: [upper, memory(clock, 'below')] })
    await cache.set('k', 'v')
    await upper.delete('k')
    expect((await cache.get.withContext('k')).context).toMatchObject({
      status: 'hit',
      source: 'users.below',
      refilled: true,
    })
    expect((await cache.get.withContext('k')).context).toMatchObject({ source: 'users.memory' })
  })

  it('tells a stale answer, one instead of a failure, and a value that was replaced', async () => {
    const { cache, clock } = open({
      ttl: '10s',
      staleAfter: '5s',
      staleIfError: '1m',
      stalePolicy: 'revalidate',
    })
    await cache.set('k', 'old')
    clock.advance('5s')
    expect((await cache.get.withContext('k')).context).toMatchObject({
      status: 'stale',
      ageMs: 5_000,
      ttlMs: 5_000,
    })
    clock.advance('5s')
    const failed = await cache.getOrLoad.withContext<string>('k', () => {
      throw new Error('no')
    })
    expect(failed).toMatchObject({ value: 'old', context: { status: 'stale', ttlMs: 0 } })
    clock.advance('1s')
    const replaced = await cache.getOrLoad.withContext('k', () => 'new')
    expect(replaced.context).toMatchObject({ status: 'forward', forward: 'stale', stored: true })
    const bypass = await cache.getOrLoad.withContext('k', () => 'newer', { reload: true })
    expect(bypass.context).toMatchObject({ status: 'forward', forward: 'bypass' })
    const unstored = await cache.getOrLoad.withContext('j', () => 1, { ttl: 0 })
    expect(unstored.context.stored).toBe(false)
  })
})

interface Scenario {
  readonly name: string
  readonly trace: readonly State[]
  readonly run: (setting: ReturnType<typeof open>) => Promise<unknown>
}

const policies = { ttl: '10s', staleAfter: '5s', staleIfError: '1m' } as const
const no = (): never => {
  throw new Error('no')
}

/** What a request goes through, by what the tiers have and the source does. */
const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a miss is loaded, found worth storing and stored',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'store', 'answer'],
    run: ({ cache }) => cache.getOrLoad('k', () => 1),
  },
  {
    name: 'a miss whose value is not to be stored',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'answer'],
    run: ({ cache }) => cache.getOrLoad('k', () => 1, { ttl: 0 }),
  },
  {
    name: 'a miss whose load fails',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'answer'],
    run: ({ cache }) => cache.getOrLoad('k', no).catch(() => undefined),
  },
  {
    name: 'a miss that joins a load',
    trace: ['check', 'flight', 'answer'],
    async run({ cache }) {
      const { loads, load } = source()
      const calls = [cache.getOrLoad('k', load)]
      await turn()
      calls.push(cache.getOrLoad('k', load))
      await turn()
      loads[0]?.resolve('v')
      await Promise.all(calls)
    },
  },
  {
    name: 'a fresh hit',
    trace: ['check', 'poll', 'fresh', 'answer'],
    async run({ cache }) {
      await cache.set('k', 1)
      await cache.getOrLoad('k', no)
    },
  },
  {
    name: 'a stale hit that is refreshed behind',
    trace: ['check', 'poll', 'stale', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance('5s')
      await cache.getOrLoad('k', () => 2)
    },
  },
  {
    name: 'a stale hit that is only returned',
    trace: ['check', 'poll', 'stale', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance('5s')
      await cache.getOrLoad('k', no, { stalePolicy: 'return' })
    },
  },
  {
    name: 'a stale hit that is revalidated',
    trace: ['check', 'poll', 'stale', 'flight', 'load', 'admit', 'store', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance('5s')
      await cache.getOrLoad('k', () => 2, { stalePolicy: 'revalidate' })
    },
  },
  {
    name: 'a stale hit whose revalidation fails',
    trace: ['check', 'poll', 'stale', 'flight', 'load', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance('5s')
      await cache.getOrLoad('k', no, { stalePolicy: 'revalidate' })
    },
  },
  {
    name: 'an expired value that is kept, replaced',
    trace: ['check', 'poll', 'expired', 'flight', 'load', 'admit', 'store', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance('10s')
      await cache.getOrLoad('k', () => 2)
    },
  },
  {
    name: 'an expired value that is not kept any more',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'store', 'answer'],
    async run({ cache, clock }) {
      await cache.set('k', 1)
      clock.advance(70_000)
      await cache.getOrLoad('k', () => 2)
    },
  },
  {
    name: 'a call that asks for a fresh value',
    trace: ['check', 'flight', 'load', 'admit', 'store', 'answer'],
    run: ({ cache }) => cache.getOrLoad('k', () => 1, { reload: true }),
  },
  {
    name: 'a get that finds nothing',
    trace: ['check', 'poll', 'miss', 'answer'],
    run: ({ cache }) => cache.get('k'),
  },
  {
    name: 'a batch that loads',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'store', 'answer'],
    run: ({ cache }) => cache.getOrLoadMany(['k'], () => [1]),
  },
  {
    name: 'a load that a change overtakes',
    trace: ['check', 'poll', 'miss', 'flight', 'load', 'admit', 'answer'],
    async run({ cache }) {
      const { loads, load } = source()
      const call = cache.getOrLoad('k', load)
      await turn()
      await cache.delete('k')
      loads[0]?.resolve('v')
      await call
    },
  },
]

describe('a request', () => {
  it.each(SCENARIOS)('goes through its states: $name', async ({ trace, run }) => {
    const traces: (readonly State[])[] = []
    const setting = open({
      ...policies,
      onEvent: (event) => {
        if (event.type === 'call') traces.push(event.trace)
      },
    })
    await run(setting)
    await turn()
    expect(traces.at(-1)).toEqual(trace)
  })
})

describe('limits on loads of one key', () => {
  it.each([
    { limit: 1, callers: 3, loads: 1, stores: 1 },
    { limit: 2, callers: 3, loads: 2, stores: 1 },
    { limit: 3, callers: 3, loads: 3, stores: 1 },
  ])('$callers callers, at most $limit at once: $loads loads, $stores stored', async (row) => {
    const { cache } = open({ concurrency: row.limit })
    const { loads, load } = source()
    const calls = Array.from({ length: row.callers }, () => cache.getOrLoad('k', load))
    await turn()
    expect(loads).toHaveLength(row.loads)
    for (const one of loads) one.resolve('v')
    expect(await Promise.all(calls)).toEqual(Array.from({ length: row.callers }, () => 'v'))
    expect(cache.stats()).toMatchObject({ loads: row.loads, stores: row.stores })
    expect(await cache.getOrLoad('k', load)).toBe('v')
    expect(loads).toHaveLength(row.loads)
  })

  it('hold for values that are not stored: whoever waits is answered, who comes later loads', async () => {
    const { cache } = open({ ttl: 0 })
    const { loads, load } = source()
    const calls = [1, 2, 3].map(() => cache.getOrLoad('k', load))
    await turn()
    loads[0]?.resolve('v')
    await Promise.all(calls)
    const next = cache.getOrLoad('k', load)
    await turn()
    expect(loads).toHaveLength(2)
    loads[1]?.resolve('w')
    expect(await next).toBe('w')
    expect(cache.stats().stores).toBe(0)
  })
})

describe('onEvent', () => {
  it('tells calls and loads, and what happens between the tiers', async () => {
    const events: HitboxEvent[] = []
    const clock = manualClock()
    const { cache } = open({
      clock,
      tiers: [memory(clock), memory(clock, 'below')],
      onEvent: (event) => void events.push(event),
    })
    await cache.getOrLoad(['user', 1], () => 'v')
    const own = events.filter(({ source: from }) => from === 'cache') as RequestEvent[]
    expect(own).toMatchObject([
      { type: 'load', key: 'user:1', state: 'started', refresh: false },
      { type: 'load', key: 'user:1', state: 'done', durationMs: 0 },
      { type: 'call', key: 'user:1', outcome: 'miss', collapsed: false, failed: false },
    ])
    expect(events.map(({ source: from }) => from)).toContain('tiers')
  })

  it('may throw without harm, and everything is on the channel too', async () => {
    const told: unknown[] = []
    const listen = (event: unknown): void => void told.push(event)
    const events = channel(EVENT_CHANNEL)
    events.subscribe(listen)
    const { cache } = open({
      label: 'mine',
      onEvent: () => {
        throw new Error('listener')
      },
    })
    expect(await cache.getOrLoad('k', () => 1)).toBe(1)
    events.unsubscribe(listen)
    const own = told.filter((event) => (event as HitboxEvent).source === 'mine')
    expect(own).toContainEqual(expect.objectContaining({ type: 'call', outcome: 'miss' }))
    expect(own).toContainEqual(expect.objectContaining({ type: 'error' }))
  })
})

describe('explain', () => {
  it('tells per tier what is there, how old and how long still', async () => {
    const clock = manualClock()
    const upper = memory(clock)
    const broken = scriptedTier('broken', () => {
      throw new Error('down')
    })
    const { cache } = open({
      clock,
      tiers: [upper, broken, memory(clock, 'below')],
      ttl: '10s',
      staleAfter: '5s',
      staleIfError: '1m',
    })
    await cache.set('k', 'v').catch(() => undefined)
    await upper.delete('k')
    clock.advance('6s')
    const { tiers, key, inFlight } = await cache.explain('k')
    expect({ key, inFlight }).toEqual({ key: 'k', inFlight: false })
    expect(tiers).toMatchObject([
      { source: 'tiers.memory', state: 'missing', missReason: 'absent' },
      { source: 'tiers.broken', state: 'failed', error: expect.any(Error) },
      {
        source: 'tiers.below',
        state: 'stale',
        ageMs: 6_000,
        freshMs: 0,
        usableMs: 4_000,
        keptMs: 64_000,
      },
    ])
    clock.advance('4s')
    expect((await cache.explain('k')).tiers[2]?.state).toBe('kept')
    const calls = cache.stats().calls
    expect(calls).toBe(0)
  })

  it('tells of a load under way and of one that failed', async () => {
    const { cache } = open({ errorTtl: '5s' })
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    await turn()
    expect(await cache.explain('k')).toMatchObject({ inFlight: true, failure: undefined })
    loads[0]?.reject(new Error('no'))
    await expect(call).rejects.toThrow('no')
    expect(await cache.explain('k')).toMatchObject({
      inFlight: false,
      failure: { inARow: 1, retryInMs: 5_000 },
    })
  })
})
