import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { Cacheable, type CacheableOptions, createKeyv } from 'cacheable'
import type { Contender, Open, Place, Row, Subject } from '../contender.ts'

function subject(options: CacheableOptions, place: Place, tags: boolean): Subject {
  const { ttlMs, load, tagOf } = place
  const cache = new Cacheable({ ttl: ttlMs, tags, ...options })
  cache.on('error', () => {})
  const calls: Subject = {
    get: (key) => cache.get<Row>(key),
    getOrLoad: (key) => cache.getOrSet<Row>(key, () => load(key), { ttl: ttlMs }),
    getMany: (keys) => cache.getMany<Row>([...keys]),
    set: (key, value) => cache.set(key, value),
    close: () => cache.disconnect(),
  }
  if (!tags) return calls
  return {
    get: (key) => cache.get<Row>(key),
    set: (key, value) => cache.set(key, value, { tags: [tagOf(key)] }),
    invalidateTag: (tag) => cache.tags.invalidateTag(tag),
    close: () => cache.disconnect(),
  }
}

/** Its memory is unbounded unless told; over Redis it is bounded here, since its reads of Redis could not be had otherwise. */
const inMemory =
  (tuned: boolean, tags: boolean): Open =>
  (place) =>
    subject(tuned ? { primary: createKeyv({ useClone: false }) } : {}, place, tags)

const inTiers =
  (tuned: boolean, tags: boolean): Open =>
  (place) =>
    subject(
      {
        primary: createKeyv({
          lruSize: place.maxEntries,
          ...(tuned ? { useClone: false } : {}),
        }),
        secondary: createRedisKeyv(place.redisUrl) as NonNullable<CacheableOptions['secondary']>,
      },
      place,
      tags,
    )

const packages = ['cacheable', '@keyv/redis']
export const contenders: readonly Contender[] = [
  {
    name: 'cacheable',
    packages,
    about: 'defaults: clones of values; memory without a bound, in two tiers lruSize',
    settings: {
      memory: inMemory(false, false),
      tiers: inTiers(false, false),
      tagged: inMemory(false, true),
      taggedTiers: inTiers(false, true),
    },
  },
  {
    name: 'cacheable, no clones',
    packages,
    about: 'useClone: false',
    settings: {
      memory: inMemory(true, false),
      tiers: inTiers(true, false),
      tagged: inMemory(true, true),
    },
  },
]
