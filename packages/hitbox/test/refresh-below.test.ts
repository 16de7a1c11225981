import { identityCompressor, liftBackend, type StoreRead, urlEncoded } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Cache, createCache } from '../src/index.ts'
import { failure, scriptedTier } from './support/scripted-tier.ts'
import { memory, turn } from './support/setup.ts'

/** Two processes with an old copy each, over one tier. */
async function bothOld() {
  const clock = manualClock()
  const shared = scriptedTier('shared')
  const make = (): Cache => {
    const cache = createCache({
      tiers: [memory(clock), shared],
      clock,
      ttl: '1h',
      staleAfter: '1m',
    })
    onTestFinished(() => cache.close({ timeout: 0 }))
    return cache
  }
  const [first, second] = [make(), make()]
  for (const cache of [first, second]) {
    await cache.getOrLoadMany(['k', 'l'], () => ['old', 'old'])
    await turn()
  }
  clock.advance('1m')
  return { first, second, clock, shared }
}

describe('a refresh over a tier that processes share', () => {
  it('takes what another process has made already, and does not load', async () => {
    const { first, second } = await bothOld()
    expect(await first.getOrLoad('k', () => 'new')).toBe('old')
    await turn()
    const load = vi.fn(() => 'needless')
    expect(await second.getOrLoad('k', load)).toBe('old')
    await turn()
    expect(load).not.toHaveBeenCalled()
    expect(second.peek('k')).toBe('new')
    expect(second.stats()).toMatchObject({ refreshes: 0, inFlight: 0 })
  })

  it('does so for the keys of a batch that are made, and loads the others', async () => {
    const { first, second } = await bothOld()
    await first.getOrLoad('k', () => 'new')
    await turn()
    const load = vi.fn((missing: readonly string[]) => missing.map((key) => `made ${key}`))
    expect(await second.getOrLoadMany(['k', 'l'], load)).toEqual(['old', 'old'])
    await turn()
    expect(load.mock.calls.map(([missing]) => missing)).toEqual([['l']])
    expect([second.peek('k'), second.peek('l')]).toEqual(['new', 'made l'])
    expect(second.stats().inFlight).toBe(0)
  })

  it('loads when nobody has, and when the tier does not answer', async () => {
    const { first, second, shared, clock } = await bothOld()
    await first.getOrLoad('k', () => 'new')
    await turn()
    expect(first.peek('k')).toBe('new')
    clock.advance('1m')
    const { script } = shared
    shared.script = (call, effect) =>
      call.verb === 'get' ? Promise.reject(failure()) : script(call, effect)
    expect(await second.getOrLoad('l', () => 'made')).toBe('old')
    await turn()
    expect(second.peek('l')).toBe('made')
  })

  it('does not bring back what is deleted while it asks', async () => {
    const { first, second, shared } = await bothOld()
    await first.getOrLoad('k', () => 'new')
    await turn()
    const load = vi.fn(({ previous }: { previous: unknown }) => previous)
    const { script } = shared
    let removal: Promise<unknown> | undefined
    shared.script = (call, effect) => {
      if (call.verb === 'get' && call.key === 'k') {
        shared.script = script
        removal = second.delete('k')
      }
      return script(call, effect)
    }
    await second.getOrLoad('k', load)
    await turn()
    await removal
    await turn()
    expect(await second.get('k')).toBeUndefined()
  })

  it('leaves alone what a later version of the program has written meanwhile', async () => {
    const clock = manualClock()
    const entries = new Map<string, Uint8Array>()
    const store = liftBackend(
      {
        label: 'store',
        keyFormat: urlEncoded,
        valueFormat: cbor,
        compressor: identityCompressor,
        read: (key): StoreRead | undefined => {
          const bytes = entries.get(key)
          return bytes && { bytes, ttlMs: 3_600_000 }
        },
        write: (key, { bytes }) => void entries.set(key, bytes.slice()),
        remove: (key) => ({ status: 'deleted', count: Number(entries.delete(key)) }) as never,
      },
      { clock },
    )
    const cache = createCache({ tiers: [memory(clock), store], clock, ttl: '1h', staleAfter: '1m' })
    onTestFinished(() => cache.close({ timeout: 0 }))
    await cache.getOrLoadMany(['k', 'l'], () => ['old', 'old'])
    await turn()
    for (const key of ['k', 'l']) (entries.get(key) as Uint8Array)[2] = 200 // the version of the envelope
    const before = new Map(entries)
    clock.advance('1m')
    expect(await cache.getOrLoad('k', () => 'mine')).toBe('old')
    expect(await cache.getOrLoadMany(['l'], () => ['mine'])).toEqual(['old'])
    await turn()
    for (const key of ['k', 'l']) expect(entries.get(key)).toBe(before.get(key))
  })
})
