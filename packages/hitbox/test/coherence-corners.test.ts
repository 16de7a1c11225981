import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { open, memory } from './support/setup.ts'
import { scriptedTier, soon } from './support/scripted-tier.ts'
import { balanced, fleet, give, heldOffload } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

describe('coherence in odd moments', () => {
  it('keeps an earlier load from storing after a delete, where there are no leases', async () => {
    const { a, store, clock } = await fleet({ client: { withoutLeases: true } })
    const first = a.cache.getOrLoad('k', a.source.load)
    await settle()
    a.client.stall()
    clock.advance('1100ms')
    // Nobody vouches for the first load any more, so there are two.
    const second = a.cache.getOrLoad('k', a.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(2)
    await a.cache.delete('k')
    for (const load of a.source.loads) load.resolve('old')
    await settle()
    expect(await endOf(first)).toBe('old')
    expect(await endOf(second)).toBe('old')
    expect(store.keys).toEqual([])
  })

  it('counts calls that demand what the tiers cannot tell', async () => {
    const clock = manualClock()
    const { cache } = open({ clock, tiers: [memory(clock), scriptedTier('remote', soon)] })
    expect(await endOf(cache.get('k', { fresh: 'barrier' }))).toBe('UNSUPPORTED')
    expect(await endOf(cache.getOrLoad('k', () => 1, { fresh: 'h1.1' }))).toBe('UNSUPPORTED')
    expect(await endOf(cache.getMany(['k', 'l'], { fresh: { maxStale: '1s' } }))).toBe(
      'UNSUPPORTED',
    )
    expect(await endOf(cache.getOrLoadMany(['k'], () => [1], { fresh: 'barrier' }))).toBe(
      'UNSUPPORTED',
    )
    balanced(cache)
    expect(await endOf(cache.get('k', { fresh: 'local' }))).toBe(undefined)
    balanced(cache)
  })

  it('cannot tell over a single tier that others share and that does not tell', async () => {
    const { cache } = open({ tiers: [scriptedTier('remote', soon)] })
    expect(await endOf(cache.get('k', { fresh: 'barrier' }))).toBe('UNSUPPORTED')
    expect(await endOf(cache.get('k', { fresh: 'local' }))).toBe(undefined)
  })

  it('ends the wait for a barrier that is never answered', async () => {
    const { a, clock } = await fleet({ tierTimeout: '2s' })
    await a.cache.set('k', 'value')
    a.client.stall()
    clock.advance(1)
    a.client.trouble = (order) => (order === 'ping' ? 'hangs' : undefined)
    const call = a.cache.get('k', { fresh: 'barrier' })
    await settle()
    clock.advance('2s')
    await settle()
    // The store itself was asked then.
    expect(await endOf(call)).toBe('value')
    expect(a.client.calls.at(-1)).toBe('get k')
  })

  it('obeys what it was told, even where nothing is demanded of it', async () => {
    const { a, b, store } = await fleet({ tags: ['t'] })
    await a.cache.set('k', 'old')
    expect(await endOf(a.cache.get('k', { fresh: 'local' }))).toBe('old')
    await b.cache.invalidateTags('t')
    await settle()
    expect(store.valueOf('k')).toBe('old')
    expect(await endOf(a.cache.get('k', { fresh: 'local' }))).toBe(undefined)
  })

  it.each(['tracking', 'messages'] as const)(
    'trusts no hit of a namespace that was cleared elsewhere, not even the second (%s)',
    async (how) => {
      const client = how === 'tracking' ? {} : { copyMs: 1_000 }
      const { a, b } = await fleet({ client })
      await a.cache.clear()
      await a.cache.set('k', 'old')
      for (let call = 0; call < 3; call += 1) expect(await endOf(a.cache.get('k'))).toBe('old')
      await b.cache.clear()
      await settle()
      // What is asked about the versions is not answered yet.
      a.client.holdHeard()
      const calls = [a.cache.get('k'), a.cache.get('k'), a.cache.get('k')]
      await settle()
      a.client.letGo()
      await settle()
      for (const call of calls) expect(await endOf(call)).toBe(undefined)
    },
  )

  it('joins no question to the tiers that began before a change was told', async () => {
    const { a, b, store } = await fleet()
    await a.cache.getOrLoad('before', () => 1)
    store.put('k', 'old', { freshMs: 60_000, ttlMs: 60_000 })
    a.client.holdHeard()
    const first = a.cache.get('k')
    await settle()
    await b.cache.set('k', 'new')
    // Both are read from the wire in one turn: the answer, and what was told after it.
    a.client.hear()
    a.client.hear()
    const second = a.cache.get('k')
    await settle()
    a.client.letGo()
    expect(await endOf(first)).toBe('old')
    expect(await endOf(second)).toBe('new')
    expect(await endOf(a.cache.get('k'))).toBe('new')
  })

  it('refreshes nothing that another process has removed meanwhile', async () => {
    const { offload, runAll } = heldOffload()
    const { a, b, clock } = await fleet({ staleAfter: '10s', offload })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    expect(await endOf(a.cache.getOrLoad('k', a.source.load))).toBe('old')
    await b.cache.delete('k')
    await settle()
    expect(await runAll()).toEqual([])
    expect(a.source.loads).toHaveLength(0)
  })

  it('gives a loader no old value that another process has removed since', async () => {
    const { a, b, clock } = await fleet({ staleAfter: '10s', stalePolicy: 'revalidate' })
    await a.cache.set('k', 'old')
    clock.advance('20s')
    a.client.holdHeard()
    const call = a.cache.getOrLoad('k', a.source.load)
    await settle()
    await b.cache.delete('k')
    a.client.letGo()
    await settle()
    await give(a, 'new')
    expect(await endOf(call)).toBe('new')
    expect(a.source.loads.map(({ previous }) => previous)).toEqual([undefined])
  })

  it('waits for one load only in each tick of barriers', async () => {
    const { a } = await fleet()
    const calls = [1, 2, 3].map(() => a.cache.getOrLoad('k', a.source.load, { fresh: 'barrier' }))
    await settle()
    await give(a, 'value')
    for (const call of calls) expect(await endOf(call)).toBe('value')
    expect(a.source.loads).toHaveLength(1)
  })
})
