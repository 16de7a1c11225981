import { compose, offloadManager } from '@hitbox/composition'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { Engine } from '../src/engine.ts'
import { Keyspace } from '../src/keyspace.ts'
import { policyOf } from '../src/policy.ts'
import { TieredCache } from '../src/tiered-cache.ts'
import { Scope } from '../src/versions/scope.ts'
import { CoherentStore } from './support/coherent-store.ts'
import { balanced, fleet, give, pass } from './support/fleet.ts'
import { memory } from './support/setup.ts'
import { endOf, settle } from './support/settle.ts'

describe('a wait for the load of another process', () => {
  it('ends with the push', async () => {
    const { a, b, clock } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    await settle()
    const before = clock.now()
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toBe('value')
    expect(clock.now()).toBe(before)
  })

  it('ends with a look of its own when pushes are lost', async () => {
    const { a, b, clock } = await fleet()
    b.client.losing = true
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    await settle()
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toBe('pending')
    clock.advance(250)
    expect(await endOf(second)).toBe('value')
  })

  it('looks often at first, and less often then, where nothing is told', async () => {
    const { b, clock, store } = await fleet({ client: { copyMs: 1_000 } })
    await store.connect('other').leases?.take('k')
    b.client.losing = true
    const call = b.cache.getOrLoad('k', b.source.load)
    await settle()
    const looks: number[] = []
    const began = clock.now()
    let seen = b.client.calls.length
    for (let ms = 0; ms < 1_000; ms += 1) {
      clock.advance(1)
      await settle()
      if (b.client.calls.length > seen) looks.push(clock.now() - began)
      seen = b.client.calls.length
    }
    expect(looks).toEqual([10, 30, 70, 150, 310, 560, 810])
    store.release(undefined, 'k')
    clock.advance(250)
    await settle()
    await give(b, 'value')
    expect(await endOf(call)).toBe('value')
  })

  it('ends when the lease of a holder ends who is gone', async () => {
    const { b, clock, store } = await fleet()
    await store.connect('gone').leases?.take('k')
    const call = b.cache.getOrLoad('k', b.source.load)
    await settle()
    await pass(clock, store.leaseMs - 1)
    expect(b.source.loads).toHaveLength(0)
    await pass(clock, 2)
    expect(b.source.loads).toHaveLength(1)
    await give(b, 'value')
    expect(await endOf(call)).toBe('value')
  })

  it('goes on while a holder who lives renews his lease', async () => {
    const { a, b, clock, store } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    await pass(clock, 3 * store.leaseMs)
    expect(b.source.loads).toHaveLength(0)
    expect(a.client.calls.filter((call) => call === 'renew k').length).toBeGreaterThanOrEqual(8)
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toBe('value')
  })

  it('lasts no longer than hardTimeout', async () => {
    const { b, clock, store } = await fleet({ hardTimeout: '5s' })
    const other = store.connect('other')
    store.leaseMs = 60_000
    await other.leases?.take('k')
    const call = b.cache.getOrLoad('k', b.source.load)
    const batch = b.cache.getOrLoadMany.settled(['l', 'k'], async (keys) => keys.map(() => 'value'))
    await settle()
    await pass(clock, 4_900)
    expect(await endOf(call)).toBe('pending')
    await pass(clock, 200)
    expect(await endOf(call)).toBe('TIMEOUT')
    expect(await endOf(batch)).toMatchObject([{ ok: true }, { ok: false }])
    expect(b.cache.stats()).toMatchObject({ inFlight: 0, loads: 1 })
    store.release(undefined, 'k')
  })

  it('falls back to an old value at softTimeout', async () => {
    const { a, b, clock, store } = await fleet({ staleAfter: '10s', stalePolicy: 'revalidate' })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    await store.connect('other').leases?.take('k', { over: 'anything' })
    const call = b.cache.getOrLoad('k', b.source.load, { softTimeout: '100ms' })
    await settle()
    clock.advance('100ms')
    expect(await endOf(call)).toBe('old')
  })

  it('ends with the caller’s signal, and with the last caller altogether', async () => {
    const { a, store, clock } = await fleet()
    const [one, two] = [new AbortController(), new AbortController()]
    await store.connect('other').leases?.take('k')
    const calls = [one, two].map(({ signal }) => a.cache.getOrLoad('k', a.source.load, { signal }))
    await settle()
    one.abort(new Error('left'))
    expect(await endOf(calls[0] as Promise<string>)).toBe('left')
    expect(a.cache.stats().inFlight).toBe(1)
    two.abort(new Error('left too'))
    expect(await endOf(calls[1] as Promise<string>)).toBe('left too')
    expect(a.cache.stats().inFlight).toBe(0)
    const asked = a.client.calls.length
    await pass(clock, 10_000)
    expect(a.client.calls).toHaveLength(asked)
  })

  it('gives the lease back with the last caller who leaves a load', async () => {
    const { a, b } = await fleet()
    const leaving = new AbortController()
    const first = a.cache.getOrLoad('k', a.source.load, { signal: leaving.signal })
    await settle()
    const second = b.cache.getOrLoad('k', b.source.load)
    await settle()
    leaving.abort(new Error('left'))
    expect(await endOf(first)).toBe('left')
    expect(a.source.loads[0]?.signal.aborted).toBe(true)
    await give(b, 'by b')
    expect(await endOf(second)).toBe('by b')
  })

  it('gives a lease back that comes when nobody waits any more', async () => {
    const { a, store } = await fleet()
    const leaving = new AbortController()
    await a.cache.getOrLoad('other', () => 1)
    a.client.holdSent()
    const call = a.cache.getOrLoad('k', a.source.load, { signal: leaving.signal })
    await settle()
    a.client.carryOut()
    await settle()
    expect(a.client.sent).toHaveLength(1)
    leaving.abort(new Error('left'))
    expect(await endOf(call)).toBe('left')
    a.client.letGo()
    await settle()
    expect(a.client.calls.slice(-2)).toEqual(['take k', 'release k'])
    expect(store.isLeased('k')).toBe(false)
    expect(a.source.loads).toHaveLength(0)
  })

  it('ends when the cache closes, and what is held is given back', async () => {
    const { a, b, store } = await fleet()
    const holding = a.cache.getOrLoad('k', a.source.load)
    const waiting = b.cache.getOrLoad('k', b.source.load)
    await settle()
    const closing = b.cache.close({ timeout: 0 })
    expect(await endOf(waiting)).toBe('CLOSED')
    await closing
    const closed = a.cache.close({ timeout: 0 })
    expect(await endOf(holding)).toBe('CLOSED')
    await closed
    expect(store.isLeased('k')).toBe(false)
  })

  it('is waited for by a close that has time', async () => {
    const { a, b } = await fleet()
    const holding = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const waiting = b.cache.getOrLoad('k', b.source.load)
    await settle()
    const closing = b.cache.close({ timeout: '5s' })
    await settle()
    await give(a, 'value')
    expect(await endOf(holding)).toBe('value')
    expect(await endOf(waiting)).toBe('value')
    await closing
  })

  it('leaves nothing behind in the engine, however it ends', async () => {
    const clock = manualClock()
    const store = new CoherentStore(clock)
    const client = store.connect()
    const keyspace = Keyspace.root('', 0)
    const policy = policyOf({ ttl: '1m', hardTimeout: '5s' })
    const tiers = compose(memory(clock), client, { clock })
    const offload = offloadManager({ label: 'offload', maxConcurrent: 10, maxQueued: 10, clock })
    const options = { label: 'cache', tiers, parts: [], policy, clock, offload, keyspace }
    const engine = new Engine({ ...options, tierTimeoutMs: 2_000 })
    const cache = new TieredCache(engine, new Scope(keyspace), policy, offload)
    const other = store.connect('other')
    store.leaseMs = 60_000
    for (const key of ['a', 'b', 'c', 'd', 'e']) await other.leases?.take(key)
    const leaving = new AbortController()
    const load = async (): Promise<string> => 'value'
    const calls = [
      cache.getOrLoad('a', load),
      cache.getOrLoad('b', load, { signal: leaving.signal }),
      cache.getOrLoad('c', load),
      cache.getOrLoad('d', load),
      cache.getOrLoadMany(['e', 'f'], async (keys) => keys.map(() => 'value')),
    ]
    const ends = Promise.allSettled(calls)
    await settle()
    expect(engine.claims.size).toBe(5)
    store.put('a', 'found', { freshMs: 60_000, ttlMs: 60_000 })
    leaving.abort(new Error('left'))
    store.release(undefined, 'c')
    await settle()
    expect(engine.claims.size).toBe(2)
    await cache.delete('d')
    await settle()
    expect(engine.claims.size).toBe(1)
    await pass(clock, 6_000)
    expect(engine.claims.size).toBe(0)
    expect(engine.flights.active).toBe(0)
    expect(engine.polls.size).toBe(0)
    expect(engine.order.size).toBe(0)
    expect((await ends).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'rejected',
    ])
    balanced(cache)
    await cache.close({ timeout: 0 })
    expect(clock.pendingTimers).toBe(0)
  })
})
