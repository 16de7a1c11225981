import { redisBackend, single } from '@hitbox/redis'
import { type Cache, type CacheOptions, createCache, memoryBackend } from 'hitbox'
import type { Contender, Open, Place, Row, Subject } from '../contender.ts'

function memory({ maxEntries }: Place) {
  return memoryBackend({ maxEntries })
}

function redis({ redisUrl }: Place) {
  return redisBackend({ connection: single(redisUrl) })
}

function cacheOf(place: Place, tiers: NonNullable<CacheOptions['tiers']>): Cache {
  return createCache({
    ttl: `${place.ttlMs}ms`,
    tiers,
    ...(place.staleAfterMs === undefined ? {} : { staleAfter: `${place.staleAfterMs}ms` }),
  })
}

function calls(cache: Cache, { load }: Place): Subject {
  return {
    peek: (key) => cache.peek<Row>(key),
    get: (key) => cache.get<Row>(key),
    getOrLoad: (key) => cache.getOrLoad(key, () => load(key)),
    getMany: (keys) => cache.getMany<Row>(keys),
    set: (key, value) => cache.set(key, value),
    close: () => cache.close(),
  }
}

function tagged(cache: Cache, place: Place): Subject {
  const { load, tagOf } = place
  return {
    ...calls(cache, place),
    getOrLoad: (key) => cache.getOrLoad(key, () => load(key), { tags: [tagOf(key)] }),
    set: (key, value) => cache.set(key, value, { tags: [tagOf(key)] }),
    invalidateTag: (tag) => cache.invalidateTags(tag),
  }
}

/** As `calls`, but reads through a cached function: neither a key nor a loader per call. */
function functions(cache: Cache, { load }: Place): Subject {
  const user = cache.fn('user', load)
  return {
    peek: (key) => user.peek(key),
    getOrLoad: (key) => user(key),
    close: () => cache.close(),
  }
}

const inMemory =
  (subject: (cache: Cache, place: Place) => Subject): Open =>
  (place) =>
    subject(cacheOf(place, [memory(place)]), place)
const inTiers =
  (subject: (cache: Cache, place: Place) => Subject): Open =>
  (place) =>
    subject(cacheOf(place, [memory(place), redis(place)]), place)

export const contenders: readonly Contender[] = [
  {
    name: 'hitbox',
    packages: ['hitbox', '@hitbox/redis'],
    about: 'defaults; CBOR in Redis; two tiers are coherent',
    refreshesBehind: true,
    settings: {
      memory: inMemory(calls),
      redis: (place) => calls(cacheOf(place, [redis(place)]), place),
      tiers: inTiers(calls),
      tagged: inMemory(tagged),
      taggedTiers: inTiers(tagged),
    },
  },
  {
    name: 'hitbox, function',
    packages: ['hitbox'],
    about: 'a function made by cache.fn',
    settings: { memory: inMemory(functions) },
  },
]
