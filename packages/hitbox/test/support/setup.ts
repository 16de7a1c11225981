import { type CacheBackend, type Clock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { deferred, type Deferred, type ManualClock, manualClock } from '@hitbox/testing'
import { onTestFinished } from 'vitest'
import { type Cache, type CacheOptions, createCache } from '../../src/index.ts'

export { turn } from './explore.ts'

export interface Setting {
  readonly cache: Cache
  readonly clock: ManualClock
}

/** A cache on a clock of its own, closed with the test. */
export function open(options: CacheOptions = {}): Setting {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock()
  const cache = createCache({ ttl: '1m', ...options, clock })
  onTestFinished(() => cache.close({ timeout: 0 }))
  return { cache, clock }
}

export function memory(clock: Clock, label = 'memory'): CacheBackend {
  return memoryBackend({ maxEntries: 1_000, clock, label })
}

/** A loader whose every load waits for the test. */
export interface Source<T> {
  readonly loads: (Deferred<T> & { readonly signal: AbortSignal; readonly previous: unknown })[]
  readonly load: (context: {
    readonly signal: AbortSignal
    readonly previous: unknown
  }) => Promise<T>
}

export function source<T = string>(): Source<T> {
  const loads: Source<T>['loads'] = []
  return {
    loads,
    load: ({ signal, previous }) => {
      const one = deferred<T>()
      loads.push({ ...one, signal, previous })
      return one.promise
    },
  }
}

/** A tier that answers later, and otherwise does all that a tier does. */
export function remote(clock: Clock, label = 'remote'): CacheBackend {
  const inner = memory(clock, label)
  const later = <R>(run: () => R | Promise<R>): Promise<R> => Promise.resolve().then(run)
  return {
    label,
    get: (key, options) => later(() => inner.get(key, options)),
    set: (key, value) => later(() => inner.set(key, value)),
    delete: (key) => later(() => inner.delete(key)),
    getMany: (keys) => later(() => inner.getMany(keys)),
    setMany: (entries) => later(() => inner.setMany(entries)),
    deleteMany: (keys) => later(() => inner.deleteMany(keys)),
    ready: () => inner.ready(),
    stats: () => inner.stats(),
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  }
}
