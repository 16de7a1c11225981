import { type CacheEvent, CacheError, cacheValue, createContext, forever } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { memoryBackend } from '../src/index.ts'

const eternal = <T>(data: T) => ({ data, staleAt: Infinity, expiresAt: Infinity })

describe('memoryBackend', () => {
  it('gives back what was set, by reference and without a promise', () => {
    const memory = memoryBackend({ maxEntries: 2 })
    const data = { name: 'Ada' }
    memory.set('a', cacheValue(data, { ttl: '1m' }))
    expect(memory.get('a')?.data).toBe(data)
    expect(memory.get('a')).toBe(memory.get('a'))
    expect(memory.get('b')).toBeUndefined()
  })
})
void [CacheError, createContext, forever, manualClock, eternal]
export type { CacheEvent }
