import {
  type BatchReadOptions,
  type CacheBackend,
  type CacheValue,
  createContext,
  type ReadOptions,
} from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, type ReadPolicy, type WritePolicy } from '../src/index.ts'
import { type CoherentTier, coherentTier } from './support/coherent-tier.ts'
import { turn } from './support/explore.ts'
import { failure, scriptedTier, soon } from './support/scripted-tier.ts'

const NEVER = Number.POSITIVE_INFINITY
const LONG_AGO = Number.NEGATIVE_INFINITY
const MAX_STALE = 1_000
const clock = manualClock()
const entry = (data: unknown, ttlMs = NEVER, freshMs = ttlMs): CacheValue<unknown> => ({
  data,
  staleAt: clock.now() + freshMs,
  expiresAt: clock.now() + ttlMs,
  meta: undefined,
})

type Read = (tiers: CacheBackend, options: ReadOptions & BatchReadOptions) => Promise<unknown>
const READS: Record<string, Read> = {
  'a read': async (tiers, options) => (await tiers.get('k', options))?.data,
  'a read of what is there at once, then of the rest': async (tiers, options) =>
    (tiers.hit?.('k', options.since) ?? (await tiers.get('k', options)))?.data,
  'a read that is explained': async (tiers, options) =>
    (await tiers.get('k', { ...options, context: createContext() }))?.data,
  'a batch': async (tiers, options) => {
    const [, result] = await tiers.getMany(['other', 'k'], options)
    return result?.ok === true ? result.value?.data : 'failed'
  },
}
const POLICIES: readonly ReadPolicy[] = ['sequential', 'race', 'parallel']
const WAYS = POLICIES.flatMap((read) =>
  Object.entries(READS).map(([name, run]) => ({ read, name, run })),
)

interface Opened {
  readonly memory: ReturnType<typeof memoryBackend>
  readonly shared: CoherentTier
  readonly tiers: CacheBackend
}

function open(options: { readonly read?: ReadPolicy; readonly write?: WritePolicy } = {}): Opened {
  const memory = memoryBackend({ maxEntries: 100, clock })
  const shared = coherentTier('shared', clock, soon)
  return { memory, shared, tiers: compose(memory, shared, { clock, ...options }) }
}

/** A copy in memory, and another value in the lowest tier of which nobody was told. */
async function changedUnheard(read: ReadPolicy): Promise<Opened> {
  const opened = open({ read })
  await opened.tiers.set('k', entry('copy'))
  opened.shared.elsewhere('k', entry('below'))
  return opened
}

interface Row {
  readonly what: string
  /** Before now. */
  readonly fence: number
  readonly fenceOf?: number
  /** Before now; left out, nothing is demanded. */
  readonly since?: number
  readonly copyMs?: number
  readonly serves: boolean
}

const ROWS: readonly Row[] = [
  { what: 'the fence is now', fence: 0, serves: true },
  { what: 'the fence is as old as may be', fence: MAX_STALE, serves: true },
  { what: 'the fence is a moment older than that', fence: MAX_STALE + 1, serves: false },
  { what: 'nothing is known', fence: NEVER, serves: false },
  { what: 'anything will do', since: NEVER, fence: NEVER, serves: true },
  { what: 'anything will do, by mode pubsub', since: NEVER, fence: NEVER, copyMs: 5, serves: true },
  { what: 'the fence is the moment demanded', since: 300, fence: 300, serves: true },
  { what: 'the fence is after the moment demanded', since: 300, fence: 299, serves: true },
  { what: 'a moment after the fence is demanded', since: 299, fence: 300, serves: false },
  { what: 'all that was told by now is demanded', since: 0, fence: 1, serves: false },
  { what: 'less is demanded than the bound', since: 5_000, fence: 4_000, serves: true },
  { what: 'the key has a later fence', since: 10, fence: 900, fenceOf: 10, serves: true },
  {
    what: 'the key has a fence that is too early',
    since: 10,
    fence: 900,
    fenceOf: 11,
    serves: false,
  },
  {
    what: 'more is demanded than is told',
    since: MAX_STALE - 1,
    fence: -NEVER,
    copyMs: 1_000,
    serves: false,
  },
  {
    what: 'what ends by itself is demanded',
    since: MAX_STALE,
    fence: -NEVER,
    copyMs: 1_000,
    serves: true,
  },
  { what: 'the mode has a bound of its own', fence: -NEVER, copyMs: 1_000, serves: true },
]

describe.each(WAYS)('compose, asked by $name and the policy $read', ({ read, run }) => {
  it.each(ROWS)('serves a copy in memory or not: $what', async (row) => {
    const { shared, tiers } = await changedUnheard(read)
    const now = clock.now()
    const { coherence } = shared
    coherence.fence = now - row.fence
    if (row.fenceOf !== undefined) coherence.fences.set('k', now - row.fenceOf)
    if (row.copyMs !== undefined) coherence.copyMs = row.copyMs
    const since = row.since === undefined ? undefined : now - row.since
    expect(await run(tiers, { since })).toBe(row.serves ? 'copy' : 'below')
  })

  it('replaces a copy that it did not serve', async () => {
    const { memory, shared, tiers } = await changedUnheard(read)
    shared.coherence.fence = LONG_AGO
    await run(tiers, {})
    await turn()
    expect(memory.peek('k')).toMatchObject({ data: 'below' })
  })

  it('has nothing to serve when the copy does not count and the lowest tier fails', async () => {
    const { shared, tiers } = await changedUnheard(read)
    shared.coherence.fence = LONG_AGO
    shared.script = async () => {
      throw failure()
    }
    expect(await run(tiers, {}).catch(() => undefined)).toBeUndefined()
    expect(await run(tiers, { since: LONG_AGO })).toBe('copy')
  })

  it('never takes a copy in a remote tier between for what was told', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const between = scriptedTier('between', soon)
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(memory, between, shared, { clock, read })
    const now = clock.now()
    shared.elsewhere('k', entry('below', MAX_STALE - 1))
    const bothHave = (): void => {
      between.entries.set('k', entry('between', MAX_STALE))
      memory.clear()
    }
    shared.coherence.fence = now
    for (const [since, expected] of [
      [now, 'below'],
      [now - MAX_STALE + 1, 'below'],
      [now - MAX_STALE, 'between'],
      [LONG_AGO, 'between'],
    ] as const) {
      bothHave()
      expect(await run(tiers, { since })).toBe(expected)
      await turn()
    }
  })

  it('does not take a copy of a copy that was not told for one that is', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const between = scriptedTier('between', soon)
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(memory, between, shared, { clock, read, maxTtl: ['1m', '1m', undefined] })
    const fence = (): number => (shared.coherence.fence = clock.now())
    fence()
    between.entries.set('k', entry('between', 500))
    await run(tiers, {})
    await turn()
    expect(memory.peek('k')).toMatchObject({ data: 'between', expiresAt: clock.now() + 500 })
    shared.elsewhere('k', entry('below', 5_000))
    expect(await run(tiers, { since: fence() })).toBe('below')
    between.entries.clear()
    memory.clear()
    clock.advance(500)
    fence()
    await run(tiers, {})
    shared.elsewhere('k', entry('not told', 4_000))
    expect(await run(tiers, { since: clock.now() })).toBe('below')
  })

  it('passes by a copy in a remote tier that outlives what bounds it', async () => {
    const between = scriptedTier('between', soon)
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(between, shared, { clock, read })
    shared.coherence.fence = clock.now()
    shared.elsewhere('k', entry('below', MAX_STALE))
    between.entries.set('k', entry('from before', MAX_STALE + 1))
    expect(await run(tiers, {})).toBe('below')
    between.entries.set('k', entry('from before', MAX_STALE + 1))
    expect(await run(tiers, { since: LONG_AGO })).toBe('from before')
    between.entries.set('k', entry('between', MAX_STALE))
    expect(await run(tiers, {})).toBe('between')
  })
})

describe('compose, where copies are not told of changes', () => {
  const TTL = 60_000
  const LATE = 300

  /** The lowest tier answers after a while. */
  function slowly(shared: CoherentTier): () => void {
    const answer = deferred()
    shared.script = (_, effect) => {
      const result = effect()
      return answer.promise.then(() => result)
    }
    return () => {
      clock.advance(LATE)
      shared.script = soon
      answer.resolve()
    }
  }

  const ASKS: Record<string, (tiers: CacheBackend) => unknown> = {
    'a read': (tiers) => tiers.get('k'),
    'a batch': (tiers) => tiers.getMany(['other', 'k']),
    'a wish to fill': (tiers) => tiers.leases?.take('k'),
  }
  const CHANGES: Record<string, (tiers: CacheBackend) => unknown> = {
    'a set': (tiers) => tiers.set('k', entry('v', TTL)),
    'a batch': (tiers) => tiers.setMany([['k', entry('v', TTL)]]),
  }
  const WRITES: readonly WritePolicy[] = ['through', 'sequential', 'optimisticParallel', 'race']
  const QUESTIONS = [
    ...POLICIES.flatMap((read) =>
      Object.entries(ASKS).map(([name, run]) => ({ name, by: read, options: { read }, run })),
    ),
    ...WRITES.flatMap((write) =>
      Object.entries(CHANGES).map(([name, run]) => ({ name, by: write, options: { write }, run })),
    ),
  ]

  it.each(QUESTIONS)(
    'lets a copy live from the moment of the question: $name, $by',
    async ({ options, run }) => {
      const { memory, shared, tiers } = open(options)
      Object.assign(shared.coherence, { copyMs: MAX_STALE, fence: NEVER, mode: 'pubsub' })
      shared.elsewhere('k', entry('v', TTL))
      const askedAt = clock.now()
      const answer = slowly(shared)
      const asked = run(tiers)
      await turn()
      answer()
      await asked
      await turn()
      const end = askedAt + MAX_STALE
      expect(memory.peek('k')).toMatchObject({ data: 'v', staleAt: end, expiresAt: end })
    },
  )

  it('lets the copy of a fill live from the moment when it was asked for', async () => {
    const { memory, shared, tiers } = open()
    shared.coherence.copyMs = MAX_STALE
    const taken = await tiers.leases!.take('k')
    if (taken.is !== 'granted') throw new Error('not granted')
    const askedAt = clock.now()
    const answer = slowly(shared)
    const filled = tiers.leases!.fill(taken.lease, entry('v', TTL))
    answer()
    await filled
    expect(memory.peek('k')).toMatchObject({ data: 'v', expiresAt: askedAt + MAX_STALE })
  })

  it('keeps moments that come earlier', async () => {
    const { memory, shared, tiers } = open()
    shared.coherence.copyMs = MAX_STALE
    const short = entry('v', MAX_STALE - 1, 10)
    await tiers.set('k', short)
    expect(memory.peek('k')).toMatchObject({ staleAt: short.staleAt, expiresAt: short.expiresAt })
    const stale = entry('v', TTL, 10)
    await tiers.set('k', stale)
    expect(memory.peek('k')).toMatchObject({ staleAt: stale.staleAt })
  })

  it('makes no copy of an answer that came when that was over', async () => {
    const { memory, shared, tiers } = open()
    Object.assign(shared.coherence, { copyMs: LATE, maxStaleMs: LATE })
    shared.elsewhere('k', entry('v', TTL))
    const answer = slowly(shared)
    const asked = tiers.get('k')
    answer()
    expect(await asked).toMatchObject({ data: 'v' })
    await turn()
    expect(memory.peek('k')).toBeUndefined()
  })

  it('bounds copies by what holds when they are made', async () => {
    const { memory, shared, tiers } = open()
    await tiers.set('a', entry('v', TTL))
    shared.coherence.copyMs = MAX_STALE
    await tiers.set('b', entry('v', TTL))
    expect(memory.peek('a')!.expiresAt).toBe(clock.now() + TTL)
    expect(memory.peek('b')!.expiresAt).toBe(clock.now() + MAX_STALE)
  })

  it('bounds a copy in a remote tier of one in memory by what was told until then', async () => {
    const remote = scriptedTier('remote', soon)
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(remote, memory, shared, { clock })
    await tiers.set('k', entry('v', TTL))
    remote.entries.clear()
    shared.coherence.fence = clock.now() - 400
    await tiers.get('k')
    await turn()
    expect(remote.entries.get('k')!.expiresAt).toBe(clock.now() - 400 + MAX_STALE)
  })

  it('bounds copies in a remote tier between by maxStale, whatever is told', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const between = scriptedTier('between', soon)
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(memory, between, shared, { clock, maxTtl: ['10m', '10m', undefined] })
    await tiers.set('k', entry('v', TTL))
    expect(between.entries.get('k')!.expiresAt).toBe(clock.now() + MAX_STALE)
    expect(memory.peek('k')!.expiresAt).toBe(clock.now() + TTL)
    between.entries.clear()
    memory.clear()
    await tiers.get('k')
    await turn()
    expect(between.entries.get('k')!.expiresAt).toBe(clock.now() + MAX_STALE)
    expect(memory.peek('k')!.expiresAt).toBe(clock.now() + TTL)
  })
})

describe('compose, asked for what is in this process', () => {
  it('obeys the bound, exactly', async () => {
    const { shared, tiers } = await changedUnheard('sequential')
    const { coherence } = shared
    coherence.fence = clock.now() - MAX_STALE
    expect(tiers.peek?.('k')).toMatchObject({ data: 'copy' })
    coherence.fence -= 1
    expect(tiers.peek?.('k')).toBeUndefined()
    coherence.fence = LONG_AGO
    expect(tiers.peek?.('k')).toBeUndefined()
  })

  it('obeys what is demanded instead of it', async () => {
    const { shared, tiers } = await changedUnheard('sequential')
    const now = clock.now()
    shared.coherence.fence = now - 5
    expect(tiers.peek?.('k', { since: now - 5 })).toMatchObject({ data: 'copy' })
    expect(tiers.peek?.('k', { since: now - 4 })).toBeUndefined()
    shared.coherence.fences.set('k', now - 4)
    expect(tiers.peek?.('k', { since: now - 4 })).toMatchObject({ data: 'copy' })
    shared.coherence.fence = LONG_AGO
    expect(tiers.peek?.('k', { since: LONG_AGO })).toMatchObject({ data: 'copy' })
  })
})

describe('compose, asked why a copy was passed by', () => {
  it.each(POLICIES)('says that it was not to be trusted, by the policy %s', async (read) => {
    const { shared, tiers } = await changedUnheard(read)
    shared.coherence.fence = LONG_AGO
    shared.script = async () => {
      throw failure()
    }
    const context = createContext()
    expect(await tiers.get('k', { context })).toBeUndefined()
    expect(context).toMatchObject({ missReason: 'untrusted', status: 'forward' })
  })
})

describe('compose over a composition', () => {
  it('demands of every copy in it what was demanded of the whole', async () => {
    const inner = memoryBackend({ maxEntries: 100, clock, label: 'inner' })
    const outer = memoryBackend({ maxEntries: 100, clock, label: 'outer' })
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(outer, compose(inner, shared, { clock }), { clock, label: 'high' })
    for (const read of Object.values(READS)) {
      const now = clock.now()
      await tiers.set('k', entry('copy'))
      shared.elsewhere('k', entry('below'))
      shared.coherence.fence = now - 10
      expect(await read(tiers, { since: now - 10 })).toBe('copy')
      expect(await read(tiers, { since: now - 9 })).toBe('below')
      shared.elsewhere('k', entry('below that'))
      shared.coherence.fence = LONG_AGO
      expect(await read(tiers, { since: LONG_AGO })).toBe('below')
      expect(await read(tiers, {})).toBe('below that')
    }
  })
})
