import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { failure, scriptedTier } from './support/scripted-tier.ts'
import { balanced, fleet, give, heldOffload } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

describe('leases in odd moments', () => {
  it('gives back the lease of a batch refresh that a change has overtaken before it began', async () => {
    const { offload, runAll } = heldOffload()
    const { a, b, store, clock } = await fleet({ staleAfter: '10s', offload })
    await a.cache.setMany([
      ['k', 'old'],
      ['l', 'old'],
      ['m', 'old'],
    ])
    clock.advance('20s')
    const loaded: string[] = []
    const load = async (keys: readonly string[]): Promise<string[]> => {
      loaded.push(...keys)
      return keys.map(() => 'new')
    }
    // The refresh is handed to the offload, and the changes come first.
    await a.cache.getOrLoadMany(['k', 'l', 'm'], load)
    await a.cache.expire('k')
    await b.cache.delete('l')
    await settle()
    expect(await runAll()).toEqual([])
    expect(loaded).toEqual(['m'])
    expect(['k', 'l', 'm'].map((key) => store.isLeased(key))).toEqual([false, false, false])
    clock.advance('10s')
    await settle()
    expect(a.client.calls.filter((call) => call.startsWith('renew'))).toEqual([])
    expect(a.cache.stats().inFlight).toBe(0)
  })

  it('asks for the lease of a batch refresh that a single caller begins', async () => {
    const { offload, runAll } = heldOffload()
    const { a, store, clock } = await fleet({ staleAfter: '10s', offload })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    await a.cache.getOrLoadMany(['k'], async () => ['from the batch'])
    const single = a.cache.getOrLoad('k', a.source.load, { stalePolicy: 'revalidate' })
    await settle()
    expect(a.source.loads).toHaveLength(1)
    expect(store.isLeased('k')).toBe(true)
    await give(a, 'new')
    expect(await endOf(single)).toBe('new')
    expect(store.valueOf('k')).toBe('new')
    expect(await runAll()).toEqual([])
    expect(store.valueOf('k')).toBe('new')
  })

  it('does not run the loader of a refresh that a change has overtaken before it began', async () => {
    const { a, clock } = await fleet({ staleAfter: '10s' })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    a.client.trouble = (order) => (order === 'take' ? 'hangs' : undefined)
    expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
    expect(a.client.calls).toContain('take k')
    await a.cache.delete('k')
    await settle()
    expect(a.source.loads).toHaveLength(0)
    expect(a.cache.stats()).toMatchObject({ inFlight: 0, loads: 0 })
    clock.advance('2s')
  })

  it('gives a refresh up when what is there is of a newer version', async () => {
    const { a, store, clock } = await fleet({ staleAfter: '10s' })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    store.newer.add('k')
    for (let call = 0; call < 3; call += 1) {
      expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
      await settle()
    }
    expect(a.source.loads).toHaveLength(0)
    expect(a.cache.stats()).toMatchObject({ stale: 3, inFlight: 0 })
  })

  it('answers no barrier from a value that the store did not take, though the feed goes on', async () => {
    const { a, b, store, clock } = await fleet()
    a.client.trouble = (order) => (order === 'fill' ? 'fails' : undefined)
    const first = a.cache.getOrLoad('k', a.source.load, { retryAfter: '10s' })
    await settle()
    await give(a, 'old')
    expect(await endOf(first)).toBe('old')
    // The lease has gone with whatever made the store fail: nobody is told of what happens to the key.
    store.release(a.client, 'k')
    await b.cache.delete('k')
    a.client.trouble = () => undefined
    clock.advance(1)
    const later = a.cache.getOrLoad('k', a.source.load, { fresh: 'barrier' })
    await settle()
    await give(a, 'new')
    expect(await endOf(later)).toBe('new')
  })

  it('gives the lease back of a value that it keeps to itself, since nobody knows its versions', async () => {
    const { a, store } = await fleet()
    const first = a.cache.getOrLoad(
      'k',
      async ({ setTags }) => {
        a.client.trouble = (order) => (order === 'read versions' ? 'fails' : undefined)
        setTags('unheard of')
        return 'value'
      },
      { retryAfter: '10s' },
    )
    expect(await endOf(first)).toBe('value')
    await settle()
    expect(a.cache.stats()).toMatchObject({ stores: 0, storeErrors: 1 })
    expect(store.isLeased('k')).toBe(false)
    a.client.trouble = () => undefined
  })

  it('stores over a failing tier in between, since the store can be asked', async () => {
    const { a, store } = await fleet({
      between: () => [
        scriptedTier('between', (call, effect) => {
          if (call.verb === 'get') throw failure('between')
          return effect()
        }),
      ],
    })
    const call = a.cache.getOrLoad('k', a.source.load)
    await settle()
    expect(store.isLeased('k')).toBe(true)
    await give(a, 'value')
    expect(await endOf(call)).toBe('value')
    expect(store.valueOf('k')).toBe('value')
    expect(a.cache.stats()).toMatchObject({ stores: 1, storeErrors: 0 })
  })

  it('runs the loader of a caller in his context, whoever has woken him', async () => {
    const { a, store } = await fleet({ asyncContext: 'caller' })
    const user = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const load = async (): Promise<string> => {
      seen.push(user.getStore())
      return 'value'
    }
    const loadMany = async (keys: readonly string[]): Promise<string[]> => {
      seen.push(user.getStore())
      return keys.map(() => 'value')
    }
    const other = store.connect('other')
    await other.leases?.take('k')
    await other.leases?.take('l')
    const calls = user.run('caller', () => [
      a.cache.getOrLoad('k', load),
      a.cache.getOrLoadMany(['l'], loadMany),
    ])
    await settle()
    expect(seen).toEqual([])
    user.run('feed', () => {
      store.release(undefined, 'k')
      store.release(undefined, 'l')
    })
    await settle()
    expect(await Promise.all(calls.map((call) => endOf(call)))).toEqual(['value', ['value']])
    expect(seen).toEqual(['caller', 'caller'])
  })

  it('runs a batch loader that refreshes behind a caller in his context', async () => {
    const { a, clock } = await fleet({ staleAfter: '10s', asyncContext: 'caller' })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    const user = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const load = async (keys: readonly string[]): Promise<string[]> => {
      seen.push(user.getStore())
      return keys.map(() => 'new')
    }
    await user.run('caller', () => a.cache.getOrLoadMany(['k'], load))
    await settle()
    expect(seen).toEqual(['caller'])
  })

  it('keeps nothing of the first caller’s context in loaders that were waited for', async () => {
    const { a, store } = await fleet()
    const user = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const other = store.connect('other')
    await other.leases?.take('k')
    await other.leases?.take('l')
    const calls = user.run('caller', () => [
      a.cache.getOrLoad('k', async () => seen.push(user.getStore())),
      a.cache.getOrLoadMany(['l'], async () => [seen.push(user.getStore())]),
    ])
    await settle()
    user.run('feed', () => {
      store.release(undefined, 'k')
      store.release(undefined, 'l')
    })
    await settle()
    await Promise.all(calls.map((call) => endOf(call)))
    expect(seen).toEqual([undefined, undefined])
  })

  it('asks again for a lease that was told to have ended before it was read', async () => {
    const { a, b, store } = await fleet()
    await a.cache.getOrLoad('before', () => 1)
    a.client.holdHeard()
    const call = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.hear()
    await settle()
    expect(store.isLeased('k')).toBe(true)
    await b.cache.delete('k')
    // Both are read in one turn: that it is granted, and that it is gone.
    a.client.hear()
    a.client.hear()
    await settle()
    a.client.letGo()
    await give(a, 'value')
    expect(await endOf(call)).toBe('value')
    await settle()
    expect(a.source.loads).toHaveLength(1)
    expect(store.valueOf('k')).toBe('value')
  })

  it('asks again at once when it was told that the other is done before it read that there is one', async () => {
    const { a, store } = await fleet()
    await a.cache.getOrLoad('before', () => 1)
    await store.connect('other').leases?.take('k')
    a.client.holdHeard()
    const call = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.hear()
    await settle()
    store.release(undefined, 'k')
    a.client.hear()
    a.client.hear()
    await settle()
    a.client.letGo()
    await give(a, 'value')
    expect(await endOf(call)).toBe('value')
  })

  it('hands out no value that it was told is over, however often the key changes', async () => {
    const { a, store } = await fleet({ bare: true })
    await a.cache.getOrLoad('before', () => 1)
    const other = store.connect('other')
    a.client.holdHeard()
    const calls = [a.cache.getOrLoad('k', a.source.load)]
    await settle()
    a.client.holdSent()
    a.client.hear()
    await settle()
    let rounds = 0
    for (; rounds < 20 && a.source.loads.length === 0; rounds += 1) {
      store.put('k', `old ${rounds}`, { freshMs: 60_000, ttlMs: 60_000 })
      a.client.carryOut()
      await other.delete('k')
      // What it found, and that it is gone, are read in one turn; who asks then must not get it.
      while (a.client.coming.length > 0) a.client.hear()
      calls.push(a.cache.getOrLoad('k', a.source.load))
      await settle()
    }
    expect(rounds).toBeGreaterThan(5)
    expect(rounds).toBeLessThan(20)
    a.client.letGo()
    await give(a, 'new')
    for (const call of calls) expect(await endOf(call)).toBe('new')
    expect(a.source.loads).toHaveLength(1)
  })

  it('names a single tier as the source of what another process has made', async () => {
    const { a, b } = await fleet({ bare: true })
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    const second = b.cache.getOrLoad.withContext('k', b.source.load)
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toMatchObject({ value: 'value', context: { source: 'shared' } })
  })

  it('wakes who waits in the same process when the value is there', async () => {
    const { a, clock } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    // The feed has stood still for so long that nobody joins the load; the lease still says who makes the value.
    a.client.stall()
    clock.advance('1100ms')
    const second = a.cache.getOrLoad('k', a.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(1)
    await give(a, 'value')
    expect(await endOf(first)).toBe('value')
    expect(await endOf(second)).toBe('value')
    expect(a.source.loads).toHaveLength(1)
  })

  it('takes nothing from a later load when an earlier one has lost its lease', async () => {
    const { a, store, clock } = await fleet()
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.stall()
    clock.advance('1100ms')
    await settle()
    const [earlier] = a.source.loads
    // The first one's lease ends unheard; the second begins under one of its own.
    a.client.losing = true
    store.remove(undefined, 'k')
    const second = a.cache.getOrLoad('k', a.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(2)
    // The first tries to renew, in vain.
    clock.advance('1s')
    await settle()
    a.source.loads[1]?.resolve('new')
    await settle()
    expect(await endOf(second)).toBe('new')
    expect(store.valueOf('k')).toBe('new')
    earlier?.resolve('old')
    await settle()
    expect(await endOf(first)).toBe('old')
    expect(store.valueOf('k')).toBe('new')
    balanced(a.cache)
  })
})
