import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect, it } from 'vitest'
import { manualClock } from '@hitbox/testing'
import { type CacheEvent, cacheValue, EVENT_CHANNEL, liftBackend, Reporter } from '../src/index.ts'
import { MemoryStore } from './memory-store.ts'

describe('events', () => {
  it('tell a listener and the diagnostics channel the same story', async () => {
    const clock = manualClock()
    const heard: CacheEvent[] = []
    const published: unknown[] = []
    const listener = (event: unknown): void => void published.push(event)
    subscribe(EVENT_CHANNEL, listener)
    try {
      const tier = liftBackend(new MemoryStore(() => clock.now()), {
        clock,
        onEvent: (event) => heard.push(event),
      })
      await tier.get('k')
      await tier.set('k', cacheValue(1, { ttl: '1m', clock }))
      await tier.get('k')
      await tier.delete('k')
    } finally {
      unsubscribe(EVENT_CHANNEL, listener)
    }
    expect(heard).toEqual([
      { type: 'miss', source: 'store', key: 'k', reason: 'absent' },
      { type: 'write', source: 'store', key: 'k', bytes: expect.any(Number) },
      { type: 'hit', source: 'store', key: 'k', stale: false },
      { type: 'delete', source: 'store', key: 'k', count: 1 },
    ])
    expect(published).toEqual(heard)
  })

  it('are not built when nobody listens', () => {
    expect(new Reporter(undefined).active).toBe(false)
    expect(new Reporter(() => {}).active).toBe(true)
  })

  it('report what a listener throws on the channel', () => {
    const published: CacheEvent[] = []
    const listener = (event: unknown): void => void published.push(event as CacheEvent)
    subscribe(EVENT_CHANNEL, listener)
    try {
      new Reporter(() => {
        throw new Error('mine')
      }).report({ type: 'hit', source: 's', key: 'k', stale: false })
    } finally {
      unsubscribe(EVENT_CHANNEL, listener)
    }
    expect(published.map(({ type }) => type)).toEqual(['hit', 'error'])
  })
})
