import { deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { failure, scriptedTier, type ScriptedTier, soon } from './support/scripted-tier.ts'
import { endOf, settle } from './support/settle.ts'
import { memory, open, remote, source, turn } from './support/setup.ts'

/** A cache whose tier answers one kind of question when the gate opens. */
function gated(script: 'script' | 'versionScript', upper = false) {
  const clock = manualClock()
  const gate = deferred()
  const tier = scriptedTier('store', soon)
  tier[script] = (_, effect) => gate.promise.then(effect)
  const { cache } = open({ clock, tiers: upper ? [memory(clock), tier] : [tier] })
  return { cache, clock, gate }
}

describe('a call that still asks the tiers when its cache is closed', () => {
  it.each([
    ['for the value', 'script'],
    ['for versions', 'versionScript'],
  ] as const)('begins no load afterwards, where it asks %s', async (_, script) => {
    const { cache, clock, gate } = gated(script)
    const { loads, load } = source()
    const call = cache.getOrLoad('k', load)
    call.catch(() => undefined)
    await settle()
    const closed = cache.close()
    await settle()
    clock.advance('10s')
    await closed
    gate.resolve()
    expect(await endOf(call)).toBe('CLOSED')
    expect(loads).toHaveLength(0)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each([
    ['with a signal', { signal: new AbortController().signal }],
    ['without a signal', {}],
  ])('ends and is counted, %s', async (_, options) => {
    const { cache, clock, gate } = gated('script', true)
    const call = cache.getOrLoad('k', () => 1, options)
    call.catch(() => undefined)
    await settle()
    await cache.close({ timeout: 0 })
    gate.resolve()
    expect(await endOf(call)).toBe('CLOSED')
    expect(cache.stats()).toMatchObject({ calls: 1, misses: 1, loads: 0, inFlight: 0 })
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('after close no timer is left', () => {
  it('where a store hangs and fails later', async () => {
    const clock = manualClock()
    const gate = deferred()
    const tier = scriptedTier('store', (call, effect) =>
      call.verb === 'set' ? gate.promise.then(effect) : soon(call, effect),
    )
    const { cache } = open({ clock, tiers: [tier] })
    await cache.getOrLoad('k', () => 1)
    await settle()
    await cache.close({ timeout: 0 })
    gate.reject(failure())
    await settle()
    expect(clock.pendingTimers).toBe(0)
    expect(cache.stats().inFlight).toBe(0)
  })

  it('where versions were learned again behind hits', async () => {
    const clock = manualClock()
    const { cache } = open({ clock, tiers: [memory(clock), remote(clock)] })
    await cache.getOrLoad('k', () => 1, { tags: ['t'] })
    await settle()
    for (const pause of [700, 1_700]) {
      clock.advance(pause)
      expect(await cache.get('k')).toBe(1)
    }
    await settle()
    await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('where the tier failed and hung in between, and every call is counted once', async () => {
    const clock = manualClock()
    const tier = scriptedTier('store', soon)
    const { cache } = open({ clock, tiers: [memory(clock), tier] })
    const calls: Promise<unknown>[] = []
    for (let round = 0; round < 200; round += 1) {
      trouble(tier, round)
      const mixed = [
        ['k', round % 7],
        ['j', round % 3],
      ] as const
      const all = [
        cache.getOrLoad(['k', round % 7], () => round, { tags: [`t${round % 5}`] }),
        cache.getOrLoadMany(mixed, (missing) => missing.map(() => round), { tags: ['x'] }),
        cache.invalidateTags(`t${round % 3}`),
        cache.expire(['k', round % 7]),
        ...(round % 50 === 0 ? [cache.clear()] : []),
      ]
      calls.push(Promise.allSettled(all))
      clock.advance(300)
      await turn()
    }
    tier.versionScript = soon
    for (let wait = 0; wait < 10; wait += 1) {
      clock.advance('3s')
      await settle()
    }
    expect(await Promise.all(calls)).toHaveLength(200)
    const { inFlight, hits, stale, misses, bypasses, ...stats } = cache.stats()
    expect(inFlight).toBe(0)
    expect(stats.calls).toBe(600)
    expect(hits + stale + misses + bypasses).toBe(stats.calls)
    await cache.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

/** Versions cannot be read for two rounds of ten, and for two more they get no answer. */
function trouble(tier: ScriptedTier, round: number): void {
  if (round % 10 === 5) tier.versionScript = () => Promise.reject(failure())
  if (round % 10 === 7) tier.versionScript = () => new Promise(() => undefined)
  if (round % 10 === 9) tier.versionScript = soon
}
