import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { createCache, type CreateCacheOptions } from 'cache-manager'
import { KeyvCacheableMemory } from 'cacheable'
import { Keyv } from 'keyv'
import type { Contender, Place, Row, Subject } from '../contender.ts'

function subject(options: CreateCacheOptions, place: Place): Subject {
  const { ttlMs, staleAfterMs, load } = place
  const cache = createCache({
    ttl: ttlMs,
    ...(staleAfterMs === undefined ? {} : { refreshThreshold: ttlMs - staleAfterMs }),
    ...options,
  })
  return {
    get: (key) => cache.get<Row>(key),
    getOrLoad: (key) => cache.wrap(key, () => load(key)),
    getMany: (keys) => cache.mget<Row>([...keys]),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  }
}

/** The memory store that its documentation puts over Redis. */
function bounded({ maxEntries, ttlMs }: Place): Keyv {
  return new Keyv({ store: new KeyvCacheableMemory({ ttl: ttlMs, lruSize: maxEntries }) })
}

function overRedis({ redisUrl }: Place): Keyv {
  const keyv = createRedisKeyv(redisUrl)
  keyv.on('error', () => {})
  return keyv
}

export const contenders: readonly Contender[] = [
  {
    name: 'cache-manager',
    packages: ['cache-manager', 'keyv', '@keyv/redis'],
    about:
      'defaults: values by reference in a Map without a bound; two tiers as in its README, without backfill of get',
    refreshesBehind: true,
    settings: {
      memory: (place) => subject({}, place),
      redis: (place) => subject({ stores: [overRedis(place)] }, place),
      tiers: (place) => subject({ stores: [bounded(place), overRedis(place)] }, place),
    },
  },
]
