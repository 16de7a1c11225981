import { createCache } from 'async-cache-dedupe'
import type { Contender, Open, Place, Subject } from '../contender.ts'
import { ioredis } from '../inputs/ioredis.ts'

type Storage = NonNullable<NonNullable<Parameters<typeof createCache>[0]>['storage']>

function subject(storage: Storage, place: Place, tags: boolean, close: () => unknown): Subject {
  const { ttlMs, staleAfterMs, load, tagOf } = place
  const cache = createCache({
    // In seconds.
    ttl: (staleAfterMs ?? ttlMs) / 1_000,
    stale: staleAfterMs === undefined ? 0 : (ttlMs - staleAfterMs) / 1_000,
    storage,
  }).define('row', tags ? { references: (key: string) => [tagOf(key)] } : {}, (key: string) =>
    load(key),
  )
  return {
    getOrLoad: (key) => cache.row(key),
    ...(tags ? { invalidateTag: (tag: string) => cache.invalidateAll(tag) } : {}),
    close,
  }
}

const inMemory =
  (tags: boolean): Open =>
  (place) =>
    subject(
      { type: 'memory', options: { size: place.maxEntries, invalidation: tags } },
      place,
      tags,
      () => {},
    )

export const contenders: readonly Contender[] = [
  {
    name: 'async-cache-dedupe',
    packages: ['async-cache-dedupe', 'ioredis'],
    about: 'a defined function; tags are its references',
    refreshesBehind: true,
    settings: {
      memory: inMemory(false),
      redis: (place) => {
        const client = ioredis(place.redisUrl)
        return subject({ type: 'redis', options: { client } }, place, false, () =>
          client.disconnect(),
        )
      },
      tagged: inMemory(true),
    },
  },
]
