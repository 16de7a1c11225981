import { describe, expect, it } from 'vitest'
import { fleet, give, pass } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

/** A moment past what the store's copies may be behind. */
const PAST = 1_001

describe('with a feed that has stopped', () => {
  it('no copy answers that is older than the bound', async () => {
    const { a, b, clock } = await fleet()
    await a.cache.set('k', 'old')
    a.client.stall()
    a.client.losing = true
    await b.cache.set('k', 'new')
    clock.advance(PAST - 2)
    expect(await endOf(a.cache.get('k'))).toBe('old')
    clock.advance(2)
    expect(await endOf(a.cache.get('k'))).toBe('new')
    expect(await endOf(a.cache.getOrLoad('k', () => 'loaded'))).toBe('new')
    expect(await endOf(a.cache.getMany(['k']))).toEqual(['new'])
    // Nor is what was read again believed for longer.
    expect(a.cache.peek('k')).toBe(undefined)
  })

  it('no load is joined that began longer ago, and none is begun where the lease says to wait', async () => {
    const { a, clock } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.stall()
    await pass(clock, PAST)
    const second = a.cache.getOrLoad.withContext('k', a.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(1)
    expect(a.client.calls.filter((call) => call === 'take k')).toHaveLength(2)
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toMatchObject({
      value: 'value',
      context: { collapsed: true, source: 'tiers.shared' },
    })
    expect(a.source.loads).toHaveLength(1)
  })

  it('an earlier load does not answer later callers, when its key was changed unheard', async () => {
    const { a, b, clock, store } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.stall()
    a.client.losing = true
    await b.cache.delete('k')
    await pass(clock, PAST)
    const second = a.cache.getOrLoad('k', a.source.load)
    await settle()
    // The lease of the first has gone with the change.
    expect(a.source.loads).toHaveLength(2)
    a.source.loads[0]?.resolve('old')
    expect(await endOf(first)).toBe('old')
    await give(a, 'new')
    expect(await endOf(second)).toBe('new')
    expect(store.valueOf('k')).toBe('new')
  })

  it('no question to the tiers is joined that began longer ago', async () => {
    const { a, b, clock, store } = await fleet({ tierTimeout: '10s' })
    await a.cache.getOrLoad('before', () => 1)
    store.put('k', 'old', { freshMs: 60_000, ttlMs: 60_000 })
    a.client.stall()
    a.client.holdHeard()
    const first = a.cache.get('k')
    await settle()
    a.client.losing = true
    await b.cache.set('k', 'new')
    clock.advance(PAST)
    const second = a.cache.get('k')
    await settle()
    a.client.letGo()
    await settle()
    expect(await endOf(first)).toBe('old')
    expect(await endOf(second)).toBe('new')
  })

  it('no value that is on its way into the tiers answers for longer', async () => {
    const { a, b, clock } = await fleet({ tierTimeout: '10s' })
    // From then on the versions of the cache are known, and need no fill of their own.
    await a.cache.set('before', 1)
    a.client.trouble = (order) => (order === 'fill' ? 'hangs' : undefined)
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    await give(a, 'old')
    expect(await endOf(first)).toBe('old')
    expect(await endOf(a.cache.get('k'))).toBe('old')
    a.client.stall()
    a.client.losing = true
    a.client.trouble = () => undefined
    await b.cache.set('k', 'new')
    await pass(clock, PAST)
    expect(await endOf(a.cache.get('k'))).toBe('new')
    await pass(clock, 10_000)
  })

  it('no version of a tag or a namespace is believed for longer', async () => {
    for (const change of ['invalidateTags', 'clear'] as const) {
      const { a, b, clock } = await fleet({ tags: ['t'] })
      await a.cache.set('k', 'old')
      a.client.stall()
      a.client.losing = true
      if (change === 'clear') await b.cache.clear()
      else await b.cache.invalidateTags('t')
      clock.advance(PAST - 2)
      expect(await endOf(a.cache.get('k'))).toBe('old')
      clock.advance(2)
      expect(await endOf(a.cache.get('k'))).toBe(undefined)
    }
  })

  it('nothing is believed that the store cannot be asked about', async () => {
    const { a, clock } = await fleet()
    await a.cache.set('k', 'old')
    a.client.stall()
    a.client.trouble = () => 'fails'
    clock.advance(PAST)
    expect(await endOf(a.cache.get('k'))).toBe(undefined)
    expect(await endOf(a.cache.getOrLoad('k', () => 'loaded'))).toBe('loaded')
    a.client.trouble = () => undefined
  })

  it('copies end by themselves where changes are told by messages only', async () => {
    const { a, b, clock } = await fleet({ client: { copyMs: 1_000 } })
    await a.cache.set('k', 'old')
    a.client.losing = true
    await b.cache.set('k', 'new')
    clock.advance(PAST)
    expect(await endOf(a.cache.get('k'))).toBe('new')
    // A barrier cannot tell: it asks the store.
    await b.cache.set('k', 'newest')
    expect(await endOf(a.cache.get('k'))).toBe('new')
    clock.advance(1)
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe('newest')
    expect(await endOf(a.cache.get('k', { fresh: { maxStale: '5s' } }))).toBe('newest')
  })

  it('a connection that was lost and is there again vouches for nothing from before', async () => {
    const { a, b, store } = await fleet()
    await a.cache.set('k', 'old')
    const before = a.cache.getOrLoad('l', a.source.load)
    await settle()
    a.client.losing = true
    await b.cache.deleteMany(['k', 'l'])
    a.client.losing = false
    a.client.reconnect()
    expect(await endOf(a.cache.get('k'))).toBe(undefined)
    await give(a, 'old')
    expect(await endOf(before)).toBe('old')
    expect(store.valueOf('l')).toBe(undefined)
  })
})

describe('a connection that was lost and is there again', () => {
  it('leaves no load for a barrier to join whose key was changed unheard', async () => {
    const { a, b, clock } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.losing = true
    await b.cache.delete('k')
    a.client.losing = false
    a.client.reconnect()
    clock.advance(1)
    const second = a.cache.getOrLoad('k', a.source.load, { fresh: 'barrier' })
    await settle()
    expect(a.source.loads).toHaveLength(2)
    a.source.loads[0]?.resolve('old')
    expect(await endOf(first)).toBe('old')
    await give(a, 'new')
    expect(await endOf(second)).toBe('new')
  })

  it('leaves no question to the tiers to join either', async () => {
    const { a, b, store } = await fleet()
    await a.cache.getOrLoad('before', () => 1)
    store.put('k', 'old', { freshMs: 60_000, ttlMs: 60_000 })
    a.client.holdHeard()
    const first = a.cache.get('k')
    await settle()
    a.client.losing = true
    await b.cache.set('k', 'new')
    a.client.losing = false
    a.client.reconnect()
    const second = a.cache.get('k')
    await settle()
    a.client.letGo()
    expect(await endOf(first)).toBe('old')
    expect(await endOf(second)).toBe('new')
    expect(await endOf(a.cache.get('k'))).toBe('new')
  })

  it('wakes whoever waits for another process', async () => {
    const { b, store } = await fleet()
    await store.connect('other').leases?.take('k')
    const call = b.cache.getOrLoad('k', b.source.load)
    await settle()
    b.client.losing = true
    store.put('k', 'value', { freshMs: 60_000, ttlMs: 60_000 })
    await settle()
    expect(await endOf(call)).toBe('pending')
    b.client.losing = false
    b.client.reconnect()
    await settle()
    expect(await endOf(call)).toBe('value')
  })
})

describe('a tier that fails when a lease is asked for', () => {
  it.each(['fails', 'hangs', 'fails after its effect'] as const)(
    'lets the loader run, and keeps its value for a moment (%s)',
    async (trouble) => {
      const { a, clock, store } = await fleet({ tierTimeout: '1s', retryAfter: '2s' })
      await a.cache.getOrLoad('before', () => 1)
      a.client.trouble = (order) => (order === 'take' ? trouble : undefined)
      const call = a.cache.getOrLoad.withContext('k', a.source.load)
      await settle()
      if (trouble === 'hangs') {
        expect(a.source.loads).toHaveLength(0)
        // One deadline in all.
        await pass(clock, 1_000)
      }
      expect(a.source.loads).toHaveLength(1)
      await give(a, 'value')
      expect(await endOf(call)).toMatchObject({ value: 'value', context: { stored: false } })
      expect(store.valueOf('k')).toBe(undefined)
      expect(a.cache.stats()).toMatchObject({ storeErrors: 1 })
      // Callers of the next moment get it, though never past the bound.
      const { loads } = a.source
      expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('value')
      a.client.trouble = () => undefined
      store.remove(undefined, 'k')
      clock.advance(PAST)
      const later = a.cache.getOrLoad('k', a.source.load)
      await settle()
      expect(loads).toHaveLength(2)
      await give(a, 'new')
      expect(await endOf(later)).toBe('new')
      expect(store.valueOf('k')).toBe('new')
      await pass(clock, 2_000)
      expect(a.cache.stats().inFlight).toBe(0)
    },
  )

  it('serves a value that could not be stored no longer than retryAfter', async () => {
    const { a, clock } = await fleet({ retryAfter: '200ms' })
    await a.cache.getOrLoad('before', () => 1)
    a.client.trouble = (order) => (order === 'take' ? 'fails' : undefined)
    expect(await endOf(a.cache.getOrLoad('k', () => 'one'))).toBe('one')
    clock.advance(199)
    expect(await endOf(a.cache.getOrLoad('k', () => 'two'))).toBe('one')
    clock.advance(1)
    expect(await endOf(a.cache.getOrLoad('k', () => 'three'))).toBe('three')
    clock.advance(200)
  })

  it('is not asked for one when it has just failed to read', async () => {
    const { a, clock } = await fleet({ tierTimeout: '1s' })
    await a.cache.getOrLoad('before', () => 1)
    a.client.calls.length = 0
    a.client.trouble = (order) => (order === 'get' ? 'hangs' : undefined)
    const call = a.cache.getOrLoad('k', a.source.load)
    const batch = a.cache.getOrLoadMany(['l', 'm'], async (keys) => keys.map(() => 'value'))
    await settle()
    await pass(clock, 1_000)
    expect(a.source.loads).toHaveLength(1)
    expect(await endOf(batch)).toEqual(['value', 'value'])
    expect(a.client.calls.filter((one) => one.startsWith('take'))).toEqual([])
    await give(a, 'value')
    expect(await endOf(call)).toBe('value')
    clock.advance(2_000)
  })

  it('lets a batch go on with the keys that it was granted', async () => {
    const { a, store, clock } = await fleet()
    await a.cache.getOrLoad('before', () => 1)
    a.client.trouble = (order, key) => (order === 'take' && key === 'l' ? 'fails' : undefined)
    const asked: string[][] = []
    const batch = a.cache.getOrLoadMany(['k', 'l'], async (keys) => {
      asked.push([...keys])
      return keys.map((key) => `new ${key}`)
    })
    expect(await endOf(batch)).toEqual(['new k', 'new l'])
    await settle()
    expect(asked).toEqual([['k', 'l']])
    expect([store.valueOf('k'), store.valueOf('l')]).toEqual(['new k', undefined])
    clock.advance(2_000)
  })

  it('stores nothing over what only a later version can read', async () => {
    const { a, store } = await fleet()
    store.newer.add('k')
    expect(await endOf(a.cache.getOrLoad('k', () => 'one'))).toBe('one')
    expect(await endOf(a.cache.getOrLoad('k', () => 'two', { reload: true }))).toBe('two')
    expect(await endOf(a.cache.getOrLoadMany(['k'], () => ['three']))).toEqual(['three'])
    await settle()
    expect(store.valueOf('k')).toBe(undefined)
    expect(a.client.calls.filter((call) => call.startsWith('fill'))).toEqual([])
    expect(a.cache.stats()).toMatchObject({ stores: 0, storeErrors: 0, inFlight: 0 })
  })

  it('has its answer thrown away when it comes too late', async () => {
    const { a, clock, store } = await fleet({ tierTimeout: '1s' })
    await a.cache.getOrLoad('before', () => 1)
    a.client.holdHeard()
    const call = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.hear()
    await settle()
    await pass(clock, 1_000)
    expect(a.source.loads).toHaveLength(1)
    expect(store.isLeased('k')).toBe(true)
    a.client.letGo()
    await settle()
    expect(store.isLeased('k')).toBe(false)
    await give(a, 'value')
    expect(await endOf(call)).toBe('value')
    clock.advance(2_000)
  })
})
