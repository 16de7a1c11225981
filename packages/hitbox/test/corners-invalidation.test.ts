import { borrowed } from '@hitbox/composition'
import { type CacheBackend } from '@hitbox/core'
import { deferred, type ManualClock, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { type Cache, type CacheOptions, type LoadContext } from '../src/index.ts'
import { failure, scriptedTier, soon } from './support/scripted-tier.ts'
import { settle } from './support/settle.ts'
import { memory, open, remote, source, turn } from './support/setup.ts'

const tags = ['t']

/** Two processes, each with a memory of its own over one tier. */
function processes(): {
  readonly first: Cache
  readonly second: Cache
  readonly clock: ManualClock
} {
  const clock = manualClock()
  const shared = remote(clock)
  const make = (): Cache => over(clock, memory(clock), borrowed(shared))
  return { first: make(), second: make(), clock }
}

function over(clock: ManualClock, ...tiers: CacheBackend[]): Cache {
  return open({ clock, ttl: '1h', tiers }).cache
}

/** A loader that waits for the test, and tells its tags with the value. */
function telling(...told: string[]) {
  const { loads, load } = source()
  const tell = async (context: LoadContext<string>): Promise<string> => {
    const value = await load(context)
    context.setTags(...told)
    return value
  }
  return { loads, tell }
}

describe('a copy that another process has invalidated and replaced', () => {
  async function replaced() {
    const { first, second, clock } = processes()
    await first.getOrLoad('k', () => 'old', { tags })
    await settle()
    await second.getOrLoad('k', () => 'never')
    await settle()
    await second.invalidateTags('t')
    await second.getOrLoad('k', () => 'new', { tags })
    await settle()
    clock.advance(1_001)
    return first
  }

  it('does not hide the new value from has', async () => {
    const cache = await replaced()
    expect(await cache.has('k')).toBe(true)
  })

  it('does not hide the new value from expire', async () => {
    const cache = await replaced()
    expect(await cache.expire('k')).toMatchObject({ expired: true })
    const { value, context } = await cache.get.withContext('k')
    expect([value, context.status]).toEqual(['new', 'stale'])
  })
})

describe('an invalidation in another process', () => {
  it('reaches who only peeks', async () => {
    const { first, second, clock } = processes()
    await first.getOrLoad('k', () => 'old', { tags })
    await settle()
    await second.invalidateTags('t')
    for (let peeks = 0; peeks < 50; peeks += 1) {
      clock.advance(100)
      first.peek('k')
      await settle()
    }
    expect(first.peek('k')).toBeUndefined()
  })

  it('keeps who comes five seconds later from joining a load that began before it', async () => {
    const { first, second, clock } = processes()
    const { loads, load } = source()
    const early = first.getOrLoad('k', load, { tags })
    await settle()
    await second.invalidateTags('t')
    clock.advance('5s')
    const late = first.getOrLoad('k', load, { tags })
    await settle()
    loads[0]?.resolve('old')
    expect(await early).toBe('old')
    await settle()
    loads[1]?.resolve('new')
    expect(await late).toBe('new')
  })

  it('ends a value that the tiers could not take, however long they are left alone', async () => {
    const clock = manualClock()
    const shared = scriptedTier('shared', soon)
    const options: CacheOptions = { clock, ttl: '1h', retryAfter: '10m', tiers: [borrowed(shared)] }
    const { cache: first } = open(options)
    const { cache: second } = open(options)
    await first.getOrLoad('warm', () => 1, { tags })
    await settle()
    shared.script = (call, effect) =>
      call.verb === 'set' ? Promise.reject(failure()) : soon(call, effect)
    expect(await first.getOrLoad('k', () => 'old', { tags })).toBe('old')
    await settle()
    shared.script = soon
    await second.invalidateTags('t')
    for (let wait = 0; wait < 20; wait += 1) {
      clock.advance(500)
      await first.getOrLoad('k', () => 'new', { tags })
      await settle()
    }
    expect(await first.getOrLoad('k', () => 'new', { tags })).toBe('new')
  })
})

describe('a set does not survive an invalidation that came after its call', () => {
  it('while it waits for its turn behind another write', async () => {
    const gate = deferred()
    const tier = scriptedTier('store', soon)
    const { cache } = open({ tiers: [tier] })
    await cache.set('warm', 1, { tags })
    tier.script = (call, effect) =>
      call.verb === 'set' ? gate.promise.then(effect) : soon(call, effect)
    const writes = Promise.all([
      cache.set('k', 'first', { tags }),
      cache.set('k', 'second', { tags }),
    ])
    await settle()
    await cache.invalidateTags('t')
    tier.script = soon
    gate.resolve()
    await writes
    expect(await cache.get('k')).toBeUndefined()
  })

  it('while it waits for its versions', async () => {
    const gate = deferred()
    const tier = scriptedTier('store', soon)
    const { cache } = open({ tiers: [tier] })
    tier.versionScript = (call, effect) =>
      call.verb === 'get' ? gate.promise.then(effect) : soon(call, effect)
    const write = cache.set('k', 'old', { tags })
    await settle()
    await cache.invalidateTags('t')
    gate.resolve()
    await write
    expect(await cache.get('k')).toBeUndefined()
  })
})

describe('between two invalidations', () => {
  it.each([
    ['t', 't'],
    ['t', 'u'],
    ['u', 't'],
  ])(
    'a caller is not given what was loaded before both, first of %s and then of %s',
    async (one, other) => {
      const { cache } = open()
      const { loads, tell } = telling('t', 'u')
      const before = cache.getOrLoad('k', tell)
      await turn()
      await cache.invalidateTags(one)
      const between = cache.getOrLoad('k', tell)
      await turn()
      await cache.invalidateTags(other)
      loads[0]?.resolve('old')
      expect(await before).toBe('old')
      await settle()
      loads[1]?.resolve('new')
      expect(await between).toBe('new')
    },
  )

  it('a batch is not given it either', async () => {
    const { cache } = open()
    const { loads, tell } = telling('t')
    const before = cache.getOrLoad('k', tell)
    await turn()
    await cache.invalidateTags('t')
    const between = cache.getOrLoadMany(['k'], () => ['new'])
    await turn()
    await cache.invalidateTags('t')
    loads[0]?.resolve('old')
    expect(await before).toBe('old')
    expect(await between).toEqual(['new'])
  })
})

describe('an invalidation', () => {
  it('by the tag of a caller who joined ends the value of the load', async () => {
    const { cache } = open()
    const { loads, load } = source()
    const first = cache.getOrLoad('k', load, { tags: ['a'] })
    await turn()
    const joined = cache.getOrLoad('k', load, { tags: ['b'] })
    await turn()
    loads[0]?.resolve('v')
    expect(await Promise.all([first, joined])).toEqual(['v', 'v'])
    expect(loads).toHaveLength(1)
    await cache.invalidateTags('b')
    expect(await cache.get('k')).toBeUndefined()
  })

  it('during a refresh hides the old value from the load that follows', async () => {
    const { cache, clock } = open({ ttl: '1h', staleAfter: '10s', staleIfError: '1h' })
    await cache.set('k', 'old', { tags })
    clock.advance('11s')
    const { loads, load } = source()
    expect(await cache.getOrLoad('k', load, { tags })).toBe('old')
    await settle()
    await cache.invalidateTags('t')
    const late = cache.getOrLoad('k', load, { tags })
    await settle()
    expect(loads).toHaveLength(2)
    expect(loads[1]?.previous).toBeUndefined()
    loads[0]?.resolve('overtaken')
    loads[1]?.resolve('new')
    expect(await late).toBe('new')
    await settle()
    expect(await cache.get('k')).toBe('new')
  })

  it('does not count the load before it among those that may run at once', async () => {
    const { cache } = open({ concurrency: 2 })
    const { loads, load } = source()
    const before = cache.getOrLoad('k', load, { tags })
    await settle()
    await cache.invalidateTags('t')
    const after = [cache.getOrLoad('k', load, { tags })]
    await settle()
    after.push(cache.getOrLoad('k', load, { tags }))
    await settle()
    expect(loads).toHaveLength(3)
    loads[0]?.resolve('old')
    expect(await before).toBe('old')
    loads[2]?.resolve('new')
    expect(await Promise.all(after)).toEqual(['new', 'new'])
    expect(await cache.get('k')).toBe('new')
  })
})

it.each([
  ['lent to both', borrowed],
  ['given to both', (tier: CacheBackend) => tier],
])('clear of one cache leaves another one over the same memory alone, %s', async (_, share) => {
  const clock = manualClock()
  const tier = memory(clock)
  const make = (namespace: string): Cache => open({ clock, namespace, tiers: [share(tier)] }).cache
  const one = make('one')
  const other = make('other')
  await one.set('k', 1)
  await other.set('k', 2)
  await one.clear()
  expect(await one.get('k')).toBeUndefined()
  expect(await other.get('k')).toBe(2)
})
