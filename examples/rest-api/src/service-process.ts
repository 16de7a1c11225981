// One instance of the service.
import { type Cache, createCache, memoryBackend } from 'hitbox'
import { redisBackend, single } from '@hitbox/redis'
import { cachedCatalogue } from './cached-catalogue.ts'
import { serveParent, ownSettings } from './child.ts'
import { cityService } from './service.ts'
import { connectDatabase, sqlCatalogue } from './sql-catalogue.ts'

/** What an instance is started with. */
export interface ServiceSettings {
  readonly databasePort: number
  /** `undefined` for no cache. */
  readonly cache: CacheSettings | undefined
}

export interface CacheSettings {
  /** `undefined` for memory only. */
  readonly redisUrl: string | undefined
  readonly namespace: string
}

/** What an instance counted. */
export interface ServiceReport {
  readonly queries: number
  readonly calls: number
  readonly hits: number
}

const settings = ownSettings() as ServiceSettings
const { query, asked } = connectDatabase(settings.databasePort)
const source = sqlCatalogue(query)
const cache = settings.cache === undefined ? undefined : openCache(settings.cache)
const catalogue = cache === undefined ? source : cachedCatalogue(source, cache)

await serveParent(cityService(catalogue), async (): Promise<ServiceReport> => {
  const { calls = 0, hits = 0, stale = 0 } = cache?.stats() ?? {}
  await cache?.close()
  return { queries: asked(), calls, hits: hits + stale }
})

/** This instance's memory over the Redis that all instances share, and that tells them what was invalidated. */
function openCache({ redisUrl, namespace }: CacheSettings): Cache {
  const memory = memoryBackend({ maxEntries: 10_000 })
  // Nobody tells an instance that has only its memory: there, no value may live long.
  if (redisUrl === undefined) return createCache({ tiers: [memory], ttl: '1s' })
  const redis = redisBackend({ connection: single(redisUrl), responseTimeout: '300ms' })
  return createCache({ tiers: [memory, redis], ttl: '10m', namespace })
}
