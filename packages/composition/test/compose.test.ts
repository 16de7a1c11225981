import { type CacheValue, createContext, isPromise } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose } from '../src/index.ts'
import { scriptedTier, soon } from './support/scripted-tier.ts'

const clock = manualClock()
const entry = <T>(data: T, ttlMs = 60_000, freshMs = ttlMs): CacheValue<T> => ({
  data,
  staleAt: clock.now() + freshMs,
  expiresAt: clock.now() + ttlMs,
  meta: undefined,
})

describe('compose', () => {
  it('answers a hit in a synchronous first tier at once, with the object that tier gave', () => {
    const memory = scriptedTier('memory')
    const tiers = compose(memory, scriptedTier('redis', soon), { clock })
    const value = entry('a')
    memory.entries.set('k', value)
    expect(tiers.get('k')).toBe(value)
  })

  it('fills the upper tier from the lower one and says where the answer came from', async () => {
    const memory = scriptedTier('memory')
    const redis = scriptedTier('redis', soon)
    const tiers = compose(memory, redis, { clock })
    const value = entry('a', 60_000, 10_000)
    redis.entries.set('k', value)
    const context = createContext()
    expect(await tiers.get('k', { context })).toEqual(value)
    expect(context).toMatchObject({ status: 'hit', source: 'tiers.redis', refilled: true })
    expect(memory.entries.get('k')).toEqual(value)
    const again = createContext()
    const second = tiers.get('k', { context: again })
    expect(isPromise(second)).toBe(false)
    expect(again.source).toBe('tiers.memory')
  })

  it('writes the lower tier first, then the upper', async () => {
    const memory = scriptedTier('memory')
    const redis = scriptedTier('redis', soon)
    const tiers = compose(memory, redis, { clock })
    const done = tiers.set('k', entry(1))
    expect(memory.calls).toEqual([])
    await done
    expect(memory.entries.get('k')).toEqual(redis.entries.get('k'))
    expect(await tiers.delete('k')).toEqual({ status: 'deleted', count: 2 })
    expect(await tiers.get('k')).toBeUndefined()
  })
})
