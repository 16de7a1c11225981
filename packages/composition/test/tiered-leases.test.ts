import {
  type CacheBackend,
  type CacheEvent,
  type CacheValue,
  type Lease,
  type LeaseAnswer,
} from '@hitbox/core'
import { type MemoryBackend, memoryBackend } from '@hitbox/memory'
import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, type ComposeOptions, tierGuard } from '../src/index.ts'
import { type CoherentTier, coherentTier } from './support/coherent-tier.ts'
import { turn } from './support/explore.ts'
import { atOnce, failure, scriptedTier, soon } from './support/scripted-tier.ts'

const clock = manualClock()
const entry = (data: unknown, freshMs = 60_000): CacheValue<unknown> => ({
  data,
  staleAt: clock.now() + freshMs,
  expiresAt: clock.now() + 60_000,
  meta: undefined,
})

interface Opened {
  readonly memory: MemoryBackend
  readonly shared: CoherentTier
  readonly tiers: CacheBackend
  readonly guard: ReturnType<typeof tierGuard>
  readonly events: readonly CacheEvent[]
}

function open(options: ComposeOptions = {}): Opened {
  const memory = memoryBackend({ maxEntries: 100, clock })
  const shared = coherentTier('shared', clock, soon)
  const guard = tierGuard()
  const events: CacheEvent[] = []
  const onEvent = (event: CacheEvent): void => void events.push(event)
  return {
    memory,
    shared,
    guard,
    events,
    tiers: compose(memory, shared, { clock, guard, onEvent, ...options }),
  }
}

async function granted(answer: LeaseAnswer | Promise<LeaseAnswer>): Promise<Lease> {
  const taken = await answer
  if (taken.is !== 'granted') throw new Error(`it was ${taken.is}`)
  return taken.lease
}

describe('the leases of a composition, taking one', () => {
  it('are those of the lowest tier', async () => {
    const { shared, tiers } = open()
    const lease = await granted(tiers.leases!.take('k'))
    expect(await tiers.leases!.take('k')).toMatchObject({ is: 'held' })
    expect(await tiers.leases!.renew(lease)).toBe(true)
    await tiers.leases!.release(lease)
    expect(await tiers.leases!.renew(lease)).toBe(false)
    expect(shared.calls).toEqual(['take k', 'take k', 'renew k', 'release k', 'renew k'])
  })

  it('copy a value up that is found there and fresh', async () => {
    const { events, memory, shared, tiers } = open()
    shared.elsewhere('k', entry('found'))
    expect(await tiers.leases!.take('k')).toMatchObject({ is: 'found', value: { data: 'found' } })
    expect(memory.peek('k')).toMatchObject({ data: 'found' })
    expect(events.map(({ type }) => type)).toContain('refill')
  })

  it('make no copy of a stale one', async () => {
    const { memory, shared, tiers } = open()
    shared.elsewhere('k', entry('stale', 0))
    expect(await tiers.leases!.take('k')).toMatchObject({ is: 'found' })
    expect(memory.peek('k')).toBeUndefined()
  })

  it('make no copy where copies are never made of what was read', async () => {
    const { memory, shared, tiers } = open({ refill: 'never' })
    shared.elsewhere('k', entry('found'))
    await tiers.leases!.take('k')
    expect(memory.peek('k')).toBeUndefined()
  })

  it('put the copy in place of an older one', async () => {
    const { memory, shared, tiers } = open()
    const old = entry('old')
    await tiers.set('k', old)
    shared.elsewhere('k', entry('found'))
    await tiers.leases!.take('k', { over: old })
    expect(memory.peek('k')).toMatchObject({ data: 'found' })
  })

  it('make no copy of what a set or a delete of this process replaced meanwhile', async () => {
    for (const change of ['set', 'delete'] as const) {
      const { memory, shared, tiers } = open()
      shared.elsewhere('k', entry('found'))
      const gate = deferred()
      shared.script = (_, effect) => {
        shared.script = soon
        const answer = effect()
        return gate.promise.then(() => answer)
      }
      const taken = tiers.leases!.take('k')
      await (change === 'set' ? tiers.set('k', entry('mine')) : tiers.delete('k'))
      gate.resolve()
      await taken
      expect(memory.peek('k')?.data).toBe(change === 'set' ? 'mine' : undefined)
    }
  })

  it('fail as the lowest tier does, at once or later', async () => {
    for (const script of [atOnce, soon]) {
      const { guard, shared, tiers } = open()
      shared.script = (call) =>
        script(call, () => {
          throw failure()
        })
      await expect((async () => tiers.leases!.take('k'))()).rejects.toThrow('scripted failure')
      expect(guard.changing).toBe(0)
    }
  })
})

describe('the leases of a composition, filling', () => {
  it('put a copy above, with the id that the lowest tier gave', async () => {
    const { memory, shared, tiers, guard } = open()
    const lease = await granted(tiers.leases!.take('k'))
    const filled = await tiers.leases!.fill(lease, entry('v'))
    expect(filled).toMatchObject({ data: 'v', meta: { id: 1 } })
    expect(memory.peek('k')).toMatchObject({ data: 'v', meta: { id: 1 } })
    expect(shared.entries.get('k')).toMatchObject({ data: 'v' })
    expect(guard.changing).toBe(0)
  })

  it('do so though copies are never made of what was read', async () => {
    const { memory, tiers } = open({ refill: 'never' })
    await tiers.leases!.fill(await granted(tiers.leases!.take('k')), entry('v'))
    expect(memory.peek('k')).toMatchObject({ data: 'v' })
  })

  it('drop what is above when the fill was refused', async () => {
    const { memory, shared, tiers } = open()
    await tiers.set('k', entry('old'))
    const lease = await granted(tiers.leases!.take('k', { over: 'anything' }))
    shared.elsewhere('k', entry('theirs'))
    expect(await tiers.leases!.fill(lease, entry('late'))).toBeUndefined()
    expect(memory.peek('k')).toBeUndefined()
    expect(await tiers.get('k')).toMatchObject({ data: 'theirs' })
  })

  it.each([
    ['at once', atOnce],
    ['later', soon],
  ])(
    'drop what is above when the fill failed %s, since nobody knows what is there',
    async (_, script) => {
      const { guard, memory, shared, tiers } = open()
      await tiers.set('k', entry('old'))
      const lease = await granted(tiers.leases!.take('k', { over: 'anything' }))
      shared.script = (call, effect) =>
        script(call, () => {
          effect()
          throw failure()
        })
      await expect((async () => tiers.leases!.fill(lease, entry('v')))()).rejects.toThrow(
        'scripted',
      )
      expect(memory.peek('k')).toBeUndefined()
      expect(guard.changing).toBe(0)
    },
  )

  it('drop what is above when somebody else changed the key meanwhile', async () => {
    for (let delay = 0; delay < 8; delay += 1) {
      const { memory, shared, tiers } = open()
      const lease = await granted(tiers.leases!.take('k'))
      const gate = deferred()
      shared.script = (_, effect) => {
        shared.script = soon
        const answer = effect()
        return gate.promise.then(() => answer)
      }
      const filling = tiers.leases!.fill(lease, entry('mine'))
      shared.elsewhere('k', entry('theirs'))
      if (delay === 0) shared.coherence.changed('k')
      gate.resolve()
      for (let tick = 0; tick < delay; tick += 1) await Promise.resolve()
      if (delay > 0) shared.coherence.changed('k')
      await filling
      await turn()
      expect(memory.peek('k')).toBeUndefined()
      expect(await tiers.get('k')).toMatchObject({ data: 'theirs' })
    }
  })

  it('drop what is above when anything may have changed meanwhile', async () => {
    const { memory, shared, tiers } = open()
    const lease = await granted(tiers.leases!.take('k'))
    const filling = tiers.leases!.fill(lease, entry('mine'))
    shared.coherence.changedAll()
    await filling
    expect(memory.size).toBe(0)
  })

  it('let no read make an older copy while they run', async () => {
    const { memory, shared, tiers } = open()
    await tiers.set('k', entry('old'))
    memory.clear()
    const lease = await granted(tiers.leases!.take('k', { over: 'anything' }))
    const gate = deferred()
    shared.script = ({ verb }, effect) => {
      const answer = effect()
      return verb === 'get' ? gate.promise.then(() => answer) : Promise.resolve(answer)
    }
    const reading = tiers.get('k')
    await tiers.leases!.fill(lease, entry('new'))
    gate.resolve()
    expect(await reading).toMatchObject({ data: 'old' })
    await turn()
    expect(memory.peek('k')).toMatchObject({ data: 'new' })
  })

  it('drop the old copy in an upper tier that does not take the new one', async () => {
    const upper = scriptedTier('upper')
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(upper, shared, { clock })
    await tiers.set('k', entry('old'))
    const lease = await granted(tiers.leases!.take('k', { over: 'anything' }))
    upper.script = ({ verb }, effect) => {
      if (verb === 'set') throw failure()
      return effect()
    }
    expect(await tiers.leases!.fill(lease, entry('new'))).toMatchObject({ data: 'new' })
    expect(upper.entries.size).toBe(0)
  })

  it('wait until remote tiers above have the copy, or have dropped theirs', async () => {
    const between = scriptedTier('between', soon)
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(memory, between, shared, { clock })
    await tiers.leases!.fill(await granted(tiers.leases!.take('k')), entry('v'))
    expect(between.entries.get('k')).toMatchObject({ data: 'v', meta: { id: 1 } })
    const lease = await granted(tiers.leases!.take('k', { over: 'anything' }))
    shared.elsewhere('k', undefined)
    await tiers.leases!.fill(lease, entry('late'))
    expect([memory.size, between.entries.size]).toEqual([0, 0])
  })
})

describe('the leases of a composition, making a value stale', () => {
  it('drop what is above, and tell whether there was one', async () => {
    const { guard, memory, tiers } = open()
    expect(await tiers.leases!.expire('k')).toBe(false)
    await tiers.set('k', entry('v'))
    expect(await tiers.leases!.expire('k')).toBe(true)
    expect(memory.peek('k')).toBeUndefined()
    const found = await tiers.get('k')
    expect(found).toMatchObject({ data: 'v' })
    expect(found!.staleAt).toBeLessThanOrEqual(clock.now())
    expect(memory.peek('k')).toBeUndefined()
    expect(guard.changing).toBe(0)
  })

  it('drop it too when that failed', async () => {
    const { memory, shared, tiers } = open()
    await tiers.set('k', entry('v'))
    shared.script = async () => {
      throw failure()
    }
    await expect((async () => tiers.leases!.expire('k'))()).rejects.toThrow('scripted failure')
    expect(memory.peek('k')).toBeUndefined()
  })

  it('make no copy of what was read before', async () => {
    const { memory, shared, tiers } = open()
    shared.elsewhere('k', entry('v'))
    const gate = deferred()
    shared.script = (_, effect) => {
      shared.script = soon
      const answer = effect()
      return gate.promise.then(() => answer)
    }
    const reading = tiers.get('k')
    await tiers.leases!.expire('k')
    gate.resolve()
    await reading
    await turn()
    expect(memory.peek('k')).toBeUndefined()
  })
})
