import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../src/index.ts'
import { remote } from './support/setup.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void
const load = (): never => {
  throw new Error('a hit does not load')
}

/** Bytes that one call allocates: the least of several rounds, as the compiler and others allocate too. */
function bytesPerCall(call: () => unknown, rounds = 20): number {
  const CALLS = 10_000
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round += 1) {
    gc()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < CALLS; index += 1) call()
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / CALLS)
  }
  return least
}

async function filled(cache: Cache): Promise<Cache> {
  await cache.set('k', { name: 'Ada' })
  return cache
}

const options = { ttl: '1m', tags: ['t'] } as const
const { signal } = new AbortController()

describe('a fresh hit in memory', () => {
  it.each([
    ['memory alone', () => createCache({ ttl: '1h', staleAfter: '30m', staleIfError: '1h' })],
    [
      'memory over another tier',
      () =>
        createCache({
          ttl: '1h',
          staleAfter: '30m',
          tiers: [
            memoryBackend({ maxEntries: 10 }),
            memoryBackend({ maxEntries: 10, label: 'below' }),
          ],
        }),
    ],
    [
      'memory over a tier that others share',
      () =>
        createCache({
          ttl: '1h',
          tiers: [memoryBackend({ maxEntries: 10 }), remote(systemClock)],
          tags: ['all'],
        }),
    ],
  ])('allocates its promise and next to nothing else: %s', { timeout: 60_000 }, async (_, make) => {
    const cache = await filled(make())
    const promise = bytesPerCall(() => Promise.resolve(cache))
    // Moments are boxed where code is not compiled to the full, 16 bytes each: a handful per call, more in a test than in a service.
    const boxed = 10 * 16
    const most = promise + boxed
    expect(bytesPerCall(() => cache.getOrLoad('k', load))).toBeLessThan(most)
    expect(bytesPerCall(() => cache.get('k'))).toBeLessThan(most)
    expect(bytesPerCall(() => cache.peek('k'))).toBeLessThan(boxed)
    expect(bytesPerCall(() => cache.getOrLoad('k', load, options))).toBeLessThan(most)
    const { calls, hits } = cache.stats()
    expect(hits).toBe(calls)
    expect(calls).toBe(600_000)
    // What it would be with a request and its states: the bounds above tell the two apart.
    const asked = bytesPerCall(() => cache.getOrLoad('k', load, { signal }), 2)
    expect(asked).toBeGreaterThan(4 * most)
    await cache.close()
  })
})
