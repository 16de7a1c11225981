import { createNotificationPair, GroupLoader, Loader, RedisCache } from 'layered-loader'
import type { Contender, Place, Row, Subject } from '../contender.ts'
import { ioredis } from '../inputs/ioredis.ts'
import { keyOf } from '../inputs/rows.ts'

type Config = ConstructorParameters<typeof Loader<Row>>[0]

function lives({ ttlMs, staleAfterMs }: Place) {
  return {
    ttlInMsecs: ttlMs,
    ...(staleAfterMs === undefined ? {} : { ttlLeftBeforeRefreshInMsecs: ttlMs - staleAfterMs }),
  }
}

function memory(place: Place) {
  return { cacheType: 'lru-map' as const, maxItems: place.maxEntries, ...lives(place) }
}

async function subject(config: Config, place: Place, close: () => unknown): Promise<Subject> {
  const { load, prefix } = place
  const loader = new Loader<Row>({
    ...config,
    dataSourceGetOneFn: load,
    dataSourceGetManyFn: (keys) => Promise.all(keys.map(load)),
    cacheKeyFromValueResolver: ({ id }) => keyOf(id, prefix),
  })
  await loader.init()
  return {
    ...(config.inMemoryCache ? { peek: (key: string) => loader.getInMemoryOnly(key) } : {}),
    // It has no other call: what is nowhere is loaded.
    get: (key) => loader.get(key),
    getOrLoad: (key) => loader.get(key),
    getMany: (keys) => loader.getMany([...keys]),
    set: (key, value) => loader.forceSetValue(key, value),
    close: async () => {
      await loader.close()
      close()
    },
  }
}

function groups(place: Place): Subject {
  const { load, tagOf, maxEntries } = place
  const loader = new GroupLoader<Row>({
    inMemoryCache: {
      cacheType: 'lru-map',
      maxGroups: 1_000,
      maxItemsPerGroup: maxEntries,
      ...lives(place),
    },
    dataSources: [
      {
        name: 'source',
        getFromGroup: load,
        getManyFromGroup: (keys) => Promise.all(keys.map(load)),
      },
    ],
  })
  return {
    get: (key) => loader.get(key, tagOf(key)),
    getOrLoad: (key) => loader.get(key, tagOf(key)),
    invalidateTag: (tag) => loader.invalidateCacheForGroup(tag),
    close: () => loader.close(),
  }
}

export const contenders: readonly Contender[] = [
  {
    name: 'layered-loader',
    packages: ['layered-loader', 'ioredis'],
    about: 'lru-map; JSON in Redis; two tiers with its notifications; tags are groups, one per key',
    refreshesBehind: true,
    settings: {
      memory: (place) => subject({ inMemoryCache: memory(place) }, place, () => {}),
      redis: (place) => {
        const redis = ioredis(place.redisUrl)
        const asyncCache = new RedisCache<Row>(redis, { json: true, ttlInMsecs: place.ttlMs })
        return subject({ inMemoryCache: false, asyncCache }, place, () => redis.disconnect())
      },
      tiers: (place) => {
        const [redis, publisherRedis, consumerRedis] = [
          ioredis(place.redisUrl),
          ioredis(place.redisUrl),
          ioredis(place.redisUrl),
        ]
        const { publisher, consumer } = createNotificationPair<Row>({
          channel: 'bench',
          publisherRedis,
          consumerRedis,
        })
        const config = {
          inMemoryCache: memory(place),
          asyncCache: new RedisCache<Row>(redis, { json: true, ...lives(place) }),
          notificationPublisher: publisher,
          notificationConsumer: consumer,
        }
        return subject(config, place, () => {
          for (const one of [redis, publisherRedis, consumerRedis]) one.disconnect()
        })
      },
      tagged: groups,
    },
  },
]
