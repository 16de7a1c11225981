import { compose } from '@hitbox/composition'
import { type Clock, systemClock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { cluster, redisBackend, type RedisBackendOptions, single } from '@hitbox/redis'
import { type FleetDemand, type ProgramEnv, type ProgramUnderTest, tagOfKey } from '@hitbox/testing'
import { createCache, type Fresh } from 'hitbox'
import { disarmed, guardWithout, type Mechanism } from '../disarmed.ts'

/** Settings of the program. */
export interface HitboxSettings {
  /** Left out of the protocol. @defaultValue nothing */
  readonly without?: readonly Mechanism[] | undefined
  /** @defaultValue `'auto'` */
  readonly coherence?: RedisBackendOptions['coherence']
  /** @defaultValue `'strict'` */
  readonly epoch?: RedisBackendOptions['epoch']
  /** @defaultValue memory above Redis */
  readonly memory?: boolean | undefined
  /** Nodes of a cluster, in place of the fleet's server. @defaultValue none */
  readonly cluster?: readonly string[] | undefined
  /** When values are refreshed behind, in ms. @defaultValue 400 */
  readonly staleAfterMs?: number | undefined
}

const TAGS = (key: string): string[] => [tagOfKey(key)]

/** The cache of this project, as a service would set it up. */
export function start(env: ProgramEnv): ProgramUnderTest {
  const settings = (env.settings ?? {}) as HitboxSettings
  const { without = [] } = settings
  const clock = shifted(env.clockOffsetMs)
  const redis = redisBackend({
    connection: settings.cluster === undefined ? single(env.cacheUrl) : cluster(settings.cluster),
    responseTimeout: '300ms',
    connectTimeout: '300ms',
    maxStale: `${env.maxStaleMs}ms`,
    coherence: settings.coherence ?? 'auto',
    epoch: without.includes('epoch') ? 'ignore' : (settings.epoch ?? 'strict'),
    clock,
  })
  const lower = disarmed(redis, without)
  const upper = memoryBackend({ maxEntries: 1_000, clock })
  const tiers =
    settings.memory === false
      ? lower
      : compose(upper, lower, { clock, guard: guardWithout(without) })
  const cache = createCache<number>({
    tiers: [tiers],
    clock,
    ttl: '20s',
    staleAfter: `${settings.staleAfterMs ?? 400}ms`,
    staleIfError: '5s',
    hardTimeout: '700ms',
    tierTimeout: '1s',
  })
  const freshFor = (demand: FleetDemand): { readonly fresh?: Fresh } =>
    demand === 'strong' ? { fresh: 'barrier' } : {}
  return {
    read: (key, demand) =>
      cache.getOrLoad(key, ({ signal }) => env.load(key, signal), {
        tags: TAGS(key),
        ...freshFor(demand),
      }),
    readMany: (keys, demand) =>
      cache.getOrLoadMany(
        keys,
        (missing, { signal }) => Promise.all(missing.map((key) => env.load(key, signal))),
        { tags: TAGS, ...freshFor(demand) },
      ),
    invalidate: async (key) => void (await cache.delete(key)),
    invalidateTag: async (tag) => void (await cache.invalidateTags(tag)),
    set: async (key, version) => void (await cache.set(key, version, { tags: TAGS(key) })),
    expire: async (key) => void (await cache.expire(key)),
    close: () => cache.close({ timeout: 0 }),
    stats() {
      const { hits, stale, misses, loads, overtaken, storeErrors, readErrors, stores } =
        cache.stats()
      return { hits, stale, misses, loads, overtaken, storeErrors, readErrors, stores }
    },
  }
}

/** The same clock, some time off, as that of another machine may be. */
function shifted(offsetMs: number): Clock {
  if (offsetMs === 0) return systemClock
  return {
    now: () => systemClock.now() + offsetMs,
    recent: () => systemClock.recent() + offsetMs,
    setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs),
  }
}
