import { mkdirSync } from 'node:fs'
import { compose } from '@hitbox/composition'
import type { CacheBackend } from '@hitbox/core'
import { lmdbBackend } from '@hitbox/lmdb'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'

/** Memory for the hottest 100 regions over a tier that outlives the process: LMDB on disk, or Redis when `REDIS_URL` names one. */
export function openTiers(folder: string): CacheBackend {
  const memory = memoryBackend({ maxEntries: 100 })
  const url = process.env['REDIS_URL']
  if (url !== undefined) {
    return compose(memory, redisBackend({ connection: single(url), responseTimeout: '300ms' }))
  }
  mkdirSync(folder, { recursive: true })
  return compose(memory, lmdbBackend({ path: folder }))
}
