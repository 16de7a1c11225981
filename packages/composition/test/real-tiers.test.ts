import { type CacheBackend, CacheError, cacheValue, createContext, isPromise } from '@hitbox/core'
import { lmdbBackend } from '@hitbox/lmdb'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'
import { type RedisServer, startRedis, until } from '@hitbox/testing'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compose, withCircuitBreaker, withDeadline } from '../src/index.ts'

let server: RedisServer
let folder: string

beforeAll(async () => {
  server = await startRedis()
  folder = await mkdtemp(join(tmpdir(), 'hitbox-tiers-'))
}, 60_000)

afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

const redis = (): CacheBackend =>
  redisBackend({ connection: single(server.url), responseTimeout: '300ms' })
const value = (data: unknown) => cacheValue(data, { ttl: '10m' })

describe('memory over lmdb over redis', () => {
  it('answers from the nearest tier that has it, fills those above, and deletes everywhere', async () => {
    const memory = memoryBackend({ maxEntries: 100 })
    const disk = lmdbBackend({ path: join(folder, 'disk') })
    const remote = redis()
    const tiers = compose(memory, disk, remote)
    const source = async (): Promise<string> => {
      const context = createContext()
      expect((await tiers.get('k', { context }))?.data).toEqual(new Map([[1, new Date(0)]]))
      return context.source
    }
    try {
      await tiers.set('k', value(new Map([[1, new Date(0)]])))
      expect(await source()).toBe('tiers.memory')
      expect(isPromise(tiers.get('k'))).toBe(false)
      memory.delete('k')
      expect(await source()).toBe('tiers.lmdb')
      expect(await source()).toBe('tiers.memory')
      memory.delete('k')
      await disk.delete('k')
      expect(await source()).toBe('tiers.redis')
      // Each store tells what is left in whole milliseconds, of its own clock.
      expect((await disk.get('k'))?.expiresAt).toBeLessThanOrEqual(
        ((await remote.get('k'))?.expiresAt ?? 0) + 1,
      )
      expect(await tiers.delete('k')).toEqual({ status: 'deleted', count: 3 })
      expect(await tiers.get('k')).toBeUndefined()
    } finally {
      await tiers.close()
    }
  })
})

describe('memory over a redis that stands still', () => {
  it('answers what it has and what it has not in time, acknowledges nothing, and recovers by itself', async () => {
    const memory = memoryBackend({ maxEntries: 100 })
    const states: string[] = []
    const guarded = withCircuitBreaker(withDeadline(redis(), '200ms'), {
      failures: 2,
      openFor: '250ms',
      onEvent: (event) => event.type === 'circuit' && states.push(event.state),
    })
    const tiers = compose(memory, guarded)
    try {
      await tiers.set('kept', value('kept'))
      await tiers.set('changed', value('old'))
      server.pause()
      const began = performance.now()
      expect((await tiers.get('kept'))?.data).toBe('kept')
      expect(await tiers.get('unknown')).toBeUndefined()
      const failed = await Promise.resolve(tiers.set('changed', value('new'))).catch(
        (error) => error,
      )
      expect(CacheError.is(failed)).toBe(true)
      // What redis will hold is unknown now, so nothing above it may answer for the key.
      expect(memory.get('changed')).toBeUndefined()
      await expect(async () => tiers.delete('kept')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN' })
      expect(memory.get('kept')).toBeUndefined()
      expect(performance.now() - began).toBeLessThan(2_000)
      server.resume()
      await until('redis is asked again', async () => {
        const result = await Promise.resolve(tiers.set('k', value(1))).catch(() => 'failed')
        return result === undefined
      })
      expect(states).toContain('open')
      expect(states.at(-1)).toBe('closed')
      expect(await tiers.delete('k')).toEqual({ status: 'deleted', count: 2 })
    } finally {
      server.resume()
      await tiers.close()
    }
  }, 60_000)
})
