import { mkdirSync } from 'node:fs'
import { createCache, memoryBackend } from 'hitbox'
import { lmdbBackend } from '@hitbox/lmdb'
import { redisBackend, single } from '@hitbox/redis'
import type { RegionCache } from './server.ts'

/** Memory for the hottest 100 regions over a tier that outlives the process: LMDB on disk, or Redis when `REDIS_URL` names one. */
export async function openCache(folder: string): Promise<RegionCache> {
  const url = process.env['REDIS_URL']
  if (url === undefined) mkdirSync(folder, { recursive: true })
  const below =
    url === undefined
      ? lmdbBackend({ path: folder })
      : redisBackend({ connection: single(url), responseTimeout: '300ms' })
  // A cache does without a tier that is not there; this program says at its start that it is not.
  await below.ready({ timeout: '5s' })
  return createCache({
    tiers: [memoryBackend({ maxEntries: 100 }), below],
    ttl: '7d',
    staleAfter: '1d',
    absenceTtl: '1m',
  })
}
