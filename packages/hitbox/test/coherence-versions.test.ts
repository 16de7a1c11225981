import { describe, expect, it } from 'vitest'
import type { Cache } from '../src/index.ts'
import { fleet, give, join } from './support/fleet.ts'
import { endOf, settle } from './support/settle.ts'

const CHANGES: readonly (readonly [name: string, change: (cache: Cache) => Promise<unknown>])[] = [
  ['a tag', (cache) => cache.invalidateTags('t')],
  ['a namespace', (cache) => cache.clear()],
  ['a namespace within', (cache) => cache.namespace('n').clear()],
]

describe('told changes of versions', () => {
  it.each(CHANGES)('detach loads that belong to %s', async (_, change) => {
    const { a, b, store } = await fleet()
    const [inA, inB] = [a, b].map(({ cache }) => cache.namespace('n', { tags: ['t'] }))
    await inB?.getOrLoad('before', () => 1)
    const before = inA?.getOrLoad('k', a.source.load)
    const untouched = a.cache.getOrLoad('other', a.source.load)
    await settle()
    await change(b.cache)
    await settle()
    const after = inA?.getOrLoad('k', a.source.load)
    await settle()
    expect(a.source.loads).toHaveLength(3)
    for (const [index, value] of ['old', 'other', 'new'].entries()) {
      a.source.loads[index]?.resolve(value)
      await settle()
    }
    expect(await endOf(before as never)).toBe('old')
    expect(await endOf(untouched)).toBe('other')
    expect(await endOf(after as never)).toBe('new')
    const key = store.keys.find((one) => one.endsWith('k')) as string
    expect(store.valueOf(key)).toBe('new')
  })

  it.each(CHANGES)('make hits of %s untrusted at once', async (_, change) => {
    const { a, b } = await fleet()
    const inA = a.cache.namespace('n', { tags: ['t'] })
    await inA.set('k', 'old')
    for (let call = 0; call < 3; call += 1) expect(await inA.get('k')).toBe('old')
    await change(b.cache)
    await settle()
    const calls = [
      inA.get('k'),
      inA.get('k', { fresh: 'local' }),
      inA.getOrLoad('k', () => 'new', { ttl: 0 }),
      inA.getMany(['k']).then(([value]) => value),
    ]
    expect(await Promise.all(calls)).toEqual([undefined, undefined, 'new', undefined])
  })

  it.each(CHANGES)('outdate an answer about %s that was on its way', async (_, change) => {
    const { a, b, clock } = await fleet()
    const inA = a.cache.namespace('n', { tags: ['t'] })
    await inA.set('k', 'old')
    // What is known is too old to be believed, so it is asked for again.
    a.client.stall()
    clock.advance(1_001)
    a.client.holdHeard()
    const first = inA.get('k')
    await settle()
    while (a.client.versionCalls.at(-1)?.startsWith('read versions') !== true) {
      a.client.hear()
      await settle()
    }
    // Its answer is on its way when the change is done.
    await change(b.cache)
    await settle()
    clock.advance(1)
    const second = inA.get('k', { fresh: 'barrier' })
    await settle()
    a.client.letGo()
    await settle()
    expect(['old', undefined]).toContain(await endOf(first))
    expect(await endOf(second)).toBe(undefined)
    expect(await endOf(inA.get('k'))).toBe(undefined)
  })

  it('are asked for again when anything may have been changed unheard', async () => {
    const { a, b, clock } = await fleet({ tags: ['t'] })
    await a.cache.set('k', 'old')
    a.client.losing = true
    await b.cache.invalidateTags('t')
    a.client.losing = false
    a.client.reconnect()
    // Known until the bound is over, as for every copy.
    clock.advance(1_001)
    const asked = a.client.versionCalls.length
    expect(await endOf(a.cache.get('k'))).toBe(undefined)
    expect(a.client.versionCalls.length).toBeGreaterThan(asked)
  })

  it('are obeyed by a barrier after that at once', async () => {
    const { a, b, clock } = await fleet({ tags: ['t'] })
    await a.cache.set('k', 'old')
    a.client.losing = true
    await b.cache.invalidateTags('t')
    a.client.losing = false
    a.client.reconnect()
    clock.advance(1)
    expect(await endOf(a.cache.get('k', { fresh: 'barrier' }))).toBe(undefined)
  })

  it('of another cache over the same store are none of ours', async () => {
    const { a, store, clock } = await fleet({ namespace: 'one' })
    const other = join(clock, store, { namespace: 'two' })
    await a.cache.set('k', 'value')
    await other.cache.set('k', 'other')
    const load = a.cache.getOrLoad('l', a.source.load)
    await settle()
    const asked = a.client.versionCalls.length
    await other.cache.clear()
    await other.cache.invalidateTags('t')
    for (const key of ['::two:@', ':::@', '::one', '::two:+t']) a.client.tell(key)
    expect(await a.cache.get('k')).toBe('value')
    await give(a, 'made')
    expect(await endOf(load)).toBe('made')
    expect(a.cache.stats()).toMatchObject({ overtaken: 0, hits: 1 })
    expect(a.client.versionCalls).toHaveLength(asked)
    await other.cache.close({ timeout: 0 })
  })

  it('ask for nothing while the feed goes on, however much time passes', async () => {
    const { a, clock } = await fleet({ ttl: '1d', tags: ['t'] })
    await a.cache.set('k', 'value')
    await a.cache.get('k')
    const asked = { calls: a.client.calls.length, versions: a.client.versionCalls.length }
    for (let step = 0; step < 200; step += 1) {
      clock.advance('10s')
      expect(await a.cache.get('k')).toBe('value')
      expect(await a.cache.getOrLoad('k', () => 'never')).toBe('value')
      expect((await a.cache.getMany(['k']))[0]).toBe('value')
      expect(a.cache.peek('k')).toBe('value')
    }
    expect(a.client.calls).toHaveLength(asked.calls)
    expect(a.client.versionCalls).toHaveLength(asked.versions)
  })

  it('make two processes that begin at once on an empty store agree', async () => {
    const { a, b, store } = await fleet({ tags: ['t'] })
    const calls = [a, b].map(({ cache, source }) => cache.getOrLoad('k', source.load))
    await settle()
    expect(a.source.loads.length + b.source.loads.length).toBe(1)
    await give(a.source.loads.length === 1 ? a : b, 'value')
    expect(await Promise.all(calls)).toEqual(['value', 'value'])
    expect(store.valueOf('k')).toBe('value')
    for (const { cache } of [a, b]) expect(await cache.get('k')).toBe('value')
  })
})
