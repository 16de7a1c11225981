import {
  type CacheBackend,
  type CacheEvent,
  type CacheValue,
  type Compressor,
  liftBackend,
} from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { type MemoryBackend, memoryBackend } from '@hitbox/memory'
import { type Deferred, deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, type ComposeOptions, tierGuard, type WritePolicy } from '../src/index.ts'
import { type CoherentTier, coherentTier, ScriptedCoherence } from './support/coherent-tier.ts'
import { turn } from './support/explore.ts'
import { MapStore } from './support/map-store.ts'
import { atOnce, failure, scriptedTier, soon } from './support/scripted-tier.ts'

const clock = manualClock()
const entry = (data: unknown): CacheValue<unknown> => ({
  data,
  staleAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
  meta: undefined,
})

interface Opened {
  readonly memory: MemoryBackend
  readonly shared: CoherentTier
  readonly tiers: CacheBackend
  readonly events: CacheEvent[]
}

function open(options: ComposeOptions = {}): Opened {
  const memory = memoryBackend({ maxEntries: 100, clock })
  const shared = coherentTier('shared', clock, soon)
  const events: CacheEvent[] = []
  const onEvent = (event: CacheEvent): void => void events.push(event)
  const tiers = compose(memory, shared, { clock, onEvent, ...options })
  return { memory, shared, tiers, events }
}

/** The next call to the tier does its work, and is answered when the test says so. */
function held(shared: CoherentTier): Deferred<void> {
  const answer = deferred()
  shared.script = (_, effect) => {
    shared.script = soon
    const result = effect()
    return answer.promise.then(() => result)
  }
  return answer
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick += 1) await Promise.resolve()
}

describe('compose, told that somebody else has changed a key', () => {
  it('drops the copy in memory in the same turn, and tells who watches', async () => {
    const { events, memory, shared, tiers } = open()
    await tiers.set('k', entry('old'))
    await tiers.set('other', entry('other'))
    shared.elsewhere('k', entry('new'))
    shared.coherence.changed('k')
    expect(memory.peek('k')).toBeUndefined()
    expect(memory.peek('other')).toBeDefined()
    expect(events.at(-1)).toEqual({ type: 'invalidated', source: 'tiers', key: 'k' })
    expect(await tiers.get('k')).toMatchObject({ data: 'new' })
    expect(memory.peek('k')).toMatchObject({ data: 'new' })
  })

  const READS: readonly [string, (tiers: CacheBackend) => unknown][] = [
    ['a read', (tiers) => tiers.get('k')],
    ['a batch', (tiers) => tiers.getMany(['other', 'k'])],
    ['a wish to fill', (tiers) => tiers.leases?.take('k')],
  ]
  const POLICIES = ['sequential', 'race', 'parallel'] as const
  describe.each(POLICIES)('reading by the policy %s', (read) => {
    it.each(READS)('makes no copy of what is on its way up: %s', async (_, ask) => {
      const { memory, shared, tiers } = open({ read })
      shared.elsewhere('k', entry('old'))
      const answer = held(shared)
      const asked = ask(tiers)
      shared.coherence.changed('k')
      answer.resolve()
      await asked
      await turn()
      expect(memory.peek('k')).toBeUndefined()
    })

    it.each(READS)(
      'makes none when the reply was there first and only its continuation comes later: %s',
      async (_, ask) => {
        for (let delay = 0; delay < 12; delay += 1) {
          const { memory, shared, tiers } = open({ read })
          shared.elsewhere('k', entry('old'))
          const answer = held(shared)
          const asked = ask(tiers)
          answer.resolve()
          await ticks(delay)
          shared.coherence.changed('k')
          await asked
          await turn()
          expect(memory.peek('k')).toBeUndefined()
        }
      },
    )
  })

  it('makes no copy of what takes its time to be decoded meanwhile', async () => {
    const gate = deferred()
    const slow: Compressor = {
      id: 'slow',
      compress: (raw) => raw,
      decompress: async (bytes) => gate.promise.then(() => bytes),
    }
    const feed = new ScriptedCoherence(clock)
    const store = Object.assign(new MapStore(cbor, clock), { compressor: slow, feed })
    const memory = memoryBackend({ maxEntries: 100, clock })
    const lowest = liftBackend(store, { clock })
    const tiers = compose(memory, lowest, { clock })
    await lowest.set('k', entry('old'))
    const asked = tiers.get('k')
    await turn()
    feed.changed('k')
    gate.resolve()
    expect(await asked).toMatchObject({ data: 'old' })
    expect(memory.peek('k')).toBeUndefined()
    await tiers.get('k')
    expect(memory.peek('k')).toMatchObject({ data: 'old' })
  })

  it('makes no copy in a remote tier between, and drops the one that is there', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const between = scriptedTier('between', soon)
    const shared = coherentTier('shared', clock, soon)
    const guard = tierGuard()
    const tiers = compose(memory, between, shared, { clock, guard })
    await tiers.set('k', entry('old'))
    shared.coherence.changed('k')
    expect(memory.peek('k')).toBeUndefined()
    await turn()
    expect(between.entries.size).toBe(0)
    shared.elsewhere('k', entry('old'))
    const answer = held(shared)
    const asked = tiers.get('k')
    await turn()
    shared.coherence.changed('k')
    answer.resolve()
    await asked
    await turn()
    expect([memory.peek('k'), between.entries.size, guard.changing]).toEqual([undefined, 0, 0])
  })

  it('empties a tier in memory that cannot drop the copy', async () => {
    const shared = coherentTier('shared', clock, soon)
    const broken = Object.assign(scriptedTier('memory'), { peek: () => undefined })
    const tiers = compose(broken, shared, { clock })
    await tiers.set('k', entry('old'))
    broken.script = ({ verb }, effect) => {
      if (verb === 'delete') throw failure()
      return effect()
    }
    shared.elsewhere('k', entry('new'))
    shared.coherence.changed('k')
    expect(await tiers.get('k')).toMatchObject({ data: 'new' })
  })

  it('leaves nothing behind in the guard', async () => {
    const guard = tierGuard()
    const { shared, tiers } = open({ guard })
    await tiers.set('k', entry('v'))
    for (let round = 0; round < 100; round += 1) shared.coherence.changed(`k${round}`)
    shared.coherence.changedAll()
    expect(guard.changing).toBe(0)
  })

  describe.each<WritePolicy>(['through', 'sequential', 'optimisticParallel', 'race'])(
    'during a change of its own, written by the policy %s',
    (write) => {
      const WRITES: readonly [string, (tiers: CacheBackend) => unknown][] = [
        ['a set', (tiers) => tiers.set('k', entry('mine'))],
        ['a batch', (tiers) => tiers.setMany([['k', entry('mine')]])],
        ['a delete', (tiers) => tiers.delete('k')],
      ]
      it.each(WRITES)('leaves no copy above: %s', async (_, change) => {
        for (let delay = 0; delay < 8; delay += 1) {
          const { memory, shared, tiers } = open({ write })
          await tiers.set('k', entry('old'))
          const answer = held(shared)
          const done = change(tiers)
          shared.elsewhere('k', entry('theirs'))
          if (delay === 0) shared.coherence.changed('k')
          answer.resolve()
          if (delay > 0) {
            await ticks(delay)
            shared.coherence.changed('k')
          }
          await done
          await turn()
          expect(memory.peek('k')).toBeUndefined()
          expect(await tiers.get('k')).toMatchObject({ data: 'theirs' })
        }
      })
    },
  )
})

describe('compose, when a write reached an upper tier only', () => {
  it.each<WritePolicy>(['through', 'sequential', 'optimisticParallel', 'race'])(
    'leaves no copy above, since nobody would be told when it is over: %s',
    async (write) => {
      for (const single of [true, false]) {
        const { memory, shared, tiers } = open({ write })
        await tiers.set('k', entry('old'))
        shared.script = async ({ verb }, effect) => {
          if (verb === 'set') throw failure()
          return effect()
        }
        const value = entry('new')
        await Promise.allSettled([single ? tiers.set('k', value) : tiers.setMany([['k', value]])])
        await turn()
        expect(memory.peek('k')).toBeUndefined()
        expect(await tiers.get('k')).toMatchObject({ data: 'old' })
      }
    },
  )
})

describe('compose, told that anything may have changed', () => {
  it('empties what can be emptied, and tells who watches', async () => {
    const { events, memory, shared, tiers } = open()
    await tiers.setMany([
      ['a', entry(1)],
      ['b', entry(2)],
    ])
    shared.coherence.changedAll()
    expect(memory.size).toBe(0)
    expect(events.at(-1)).toEqual({ type: 'invalidated', source: 'tiers' })
    expect(await tiers.get('a')).toMatchObject({ data: 1 })
  })

  it('empties a tier that has a clear, though nobody can peek into it', async () => {
    const upper = scriptedTier('upper', atOnce)
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(upper, shared, { clock })
    await tiers.set('k', entry('v'))
    shared.coherence.changedAll()
    expect(upper.entries.size).toBe(0)
  })

  it.each(['sequential', 'race', 'parallel'] as const)(
    'makes no copy of what is on its way up, by the policy %s',
    async (read) => {
      for (let delay = 0; delay < 8; delay += 1) {
        const { memory, shared, tiers } = open({ read })
        shared.elsewhere('k', entry('old'))
        const answer = held(shared)
        const asked = tiers.get('k')
        if (delay === 0) shared.coherence.changedAll()
        answer.resolve()
        if (delay > 0) {
          await ticks(delay)
          shared.coherence.changedAll()
        }
        await asked
        await turn()
        expect(memory.size).toBe(0)
      }
    },
  )

  it('leaves no copy of a set of its own that was under way', async () => {
    const { memory, shared, tiers } = open()
    const answer = held(shared)
    const done = tiers.set('k', entry('mine'))
    shared.coherence.changedAll()
    answer.resolve()
    await done
    expect(memory.size).toBe(0)
    expect(await tiers.get('k')).toMatchObject({ data: 'mine' })
  })
})

describe('compose over a tier that others share', () => {
  it('listens from the beginning until it is closed', async () => {
    const { shared, tiers } = open()
    expect(shared.coherence.listeners.size).toBe(1)
    await tiers.close()
    expect(shared.coherence.listeners.size).toBe(0)
  })

  it('gives on what its lowest tier has, and nothing where that has nothing', () => {
    const { shared, tiers } = open()
    expect(tiers.coherence).toBe(shared.coherence)
    expect(tiers.leases).toBeDefined()
    const plain = compose(scriptedTier('a'), scriptedTier('b'), { clock })
    expect(plain.coherence).toBeUndefined()
    expect(plain.leases).toBeUndefined()
    const upside = compose(coherentTier('upper', clock), scriptedTier('b'), { clock })
    expect(upside.coherence).toBeUndefined()
    expect(upside.leases).toBeUndefined()
  })

  it('drops copies in each composition of a nest in the same turn, and listens no more when closed', async () => {
    const inner = memoryBackend({ maxEntries: 100, clock, label: 'inner' })
    const outer = memoryBackend({ maxEntries: 100, clock, label: 'outer' })
    const shared = coherentTier('shared', clock, soon)
    const low = compose(inner, shared, { clock, label: 'low' })
    const tiers = compose(outer, low, { clock, label: 'high' })
    await tiers.set('k', entry('old'))
    expect([outer.peek('k'), inner.peek('k')]).toMatchObject([{ data: 'old' }, { data: 'old' }])
    shared.elsewhere('k', entry('new'))
    shared.coherence.changed('k')
    expect([outer.peek('k'), inner.peek('k')]).toEqual([undefined, undefined])
    expect(await tiers.get('k')).toMatchObject({ data: 'new' })
    shared.coherence.changedAll()
    expect([outer.size, inner.size]).toEqual([0, 0])
    shared.elsewhere('k', entry('old'))
    const answer = held(shared)
    const asked = tiers.get('k')
    await turn()
    shared.coherence.changed('k')
    answer.resolve()
    await asked
    await turn()
    expect([outer.size, inner.size]).toEqual([0, 0])
    await tiers.close()
    expect(shared.coherence.listeners.size).toBe(0)
  })

  it('takes the leases of a nest through every composition of it', async () => {
    const inner = memoryBackend({ maxEntries: 100, clock, label: 'inner' })
    const outer = memoryBackend({ maxEntries: 100, clock, label: 'outer' })
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(outer, compose(inner, shared, { clock }), { clock, label: 'high' })
    const taken = await tiers.leases!.take('k')
    expect(taken.is).toBe('granted')
    if (taken.is === 'granted') await tiers.leases!.fill(taken.lease, entry('v'))
    const [high, low] = [outer.peek('k'), inner.peek('k')]
    expect(high).toMatchObject({ data: 'v', meta: { id: 1 } })
    expect(low).toMatchObject({ data: 'v', meta: { id: 1 } })
    await tiers.leases!.expire('k')
    expect([outer.size, inner.size]).toEqual([0, 0])
  })
})
