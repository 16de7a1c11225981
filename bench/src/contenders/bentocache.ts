import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'
import type { Redis } from 'ioredis'
import type { Contender, Open, Place, Row, Subject } from '../contender.ts'
import { ioredis } from '../inputs/ioredis.ts'

type Store = ReturnType<typeof bentostore>

function subject(store: Store, place: Place, tags: boolean, closing: () => unknown): Subject {
  const { ttlMs, staleAfterMs, load, tagOf } = place
  const cache = new BentoCache({
    default: 'main',
    stores: { main: store },
    ttl: staleAfterMs ?? ttlMs,
    // Its way of refreshing behind: kept past the end, and no wait for the factory.
    ...(staleAfterMs === undefined ? {} : { grace: ttlMs, timeout: 0 }),
  })
  const close = async () => {
    await cache.disconnectAll()
    closing()
  }
  const get = (key: string) => cache.get<Row>({ key })
  if (!tags) {
    return {
      get,
      getOrLoad: (key) => cache.getOrSet<Row>({ key, factory: () => load(key) }),
      set: (key, value) => cache.set({ key, value }),
      close,
    }
  }
  return {
    get,
    getOrLoad: (key) => cache.getOrSet<Row>({ key, tags: [tagOf(key)], factory: () => load(key) }),
    set: (key, value) => cache.set({ key, value, tags: [tagOf(key)] }),
    invalidateTag: (tag) => cache.deleteByTag({ tags: [tag] }),
    close,
  }
}

function inMemory(serialize: boolean, tags: boolean): Open {
  return (place) => {
    const memory = memoryDriver({ maxItems: place.maxEntries, serialize })
    return subject(bentostore().useL1Layer(memory), place, tags, () => {})
  }
}

function inTiers(serialize: boolean, tags: boolean): Open {
  return (place) => {
    const connection = ioredis(place.redisUrl)
    const { host, port, db } = connection.options
    const store = bentostore()
      .useL1Layer(memoryDriver({ maxItems: place.maxEntries, serialize }))
      .useL2Layer(redisDriver({ connection }))
      .useBus(redisBusDriver({ connection: { host, port, db } as Redis['options'] }))
    return subject(store, place, tags, () => connection.disconnect())
  }
}

const inRedis: Open = (place) => {
  const connection = ioredis(place.redisUrl)
  const store = bentostore().useL2Layer(redisDriver({ connection }))
  return subject(store, place, false, () => connection.disconnect())
}

const packages = ['bentocache', 'ioredis']
export const contenders: readonly Contender[] = [
  {
    name: 'bentocache',
    packages,
    about: 'defaults: JSON also in memory; two tiers with its Redis bus, as documented',
    refreshesBehind: true,
    settings: {
      memory: inMemory(true, false),
      redis: inRedis,
      tiers: inTiers(true, false),
      tagged: inMemory(true, true),
      taggedTiers: inTiers(true, true),
    },
  },
  {
    name: 'bentocache, no serialize',
    packages,
    about: 'serialize: false, values in memory by reference',
    refreshesBehind: true,
    settings: {
      memory: inMemory(false, false),
      tiers: inTiers(false, false),
      tagged: inMemory(false, true),
    },
  },
]
