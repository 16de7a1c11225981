// A project of somebody else's: installs the packed tarballs and uses them from an ES module.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compose } from '@hitbox/composition'
import { gzip, threshold } from '@hitbox/compressors'
import { CacheError, cacheKey, cacheValue, createContext } from '@hitbox/core'
import { msgpack } from '@hitbox/formats/msgpack'
import { lmdbBackend } from '@hitbox/lmdb'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'
import { backendContract, startRedis } from '@hitbox/testing'
import { createCache, defineCache } from 'hitbox'

const folder = mkdtempSync(join(tmpdir(), 'hitbox-consumer-data-'))
const redis = await startRedis()
try {
  const tiers = compose(
    memoryBackend({ maxEntries: 100 }),
    lmdbBackend({ path: folder, compressor: threshold(gzip(), { minBytes: 512 }) }),
    redisBackend({ connection: single(redis.url), valueFormat: msgpack, responseTimeout: '1s' }),
  )
  const key = cacheKey({ prefix: 'user', version: 2, parts: [['id', '42']] })
  const data = {
    name: 'Ada',
    born: new Date('1815-12-10'),
    tags: new Set(['maths']),
    text: 'x'.repeat(5_000),
  }
  await tiers.set(key, cacheValue(data, { ttl: '10m', staleAfter: '1m' }))
  await tiers.set(['user', 1], cacheValue(undefined, { ttl: '10m' }))
  const context = createContext()
  assert.deepEqual((await tiers.get(key, { context })).data, data)
  assert.equal(context.source, 'tiers.memory')
  assert.equal((await tiers.get(['user', 1])).data, undefined)
  assert.equal((await tiers.delete(key)).count, 3)
  assert.equal(await tiers.get(key), undefined)
  await tiers.close()
  await assert.rejects(
    async () => tiers.get(key),
    (error) => CacheError.is(error, 'CLOSED'),
  )
  assert.throws(
    () => memoryBackend({ maxEntires: 1 }),
    /"maxEntires" is not an option of memoryBackend/,
  )
  assert.ok(backendContract.length > 50)

  const process = () =>
    createCache({
      tiers: [memoryBackend({ maxEntries: 100 }), redisBackend({ connection: single(redis.url) })],
      ttl: '10m',
      namespace: 'shop',
    })
  const [one, two] = [process(), process()]
  let loads = 0
  const users = (cache) =>
    defineCache(
      {
        user: {
          tags: (id) => [`user:${id}`],
          load: (id) => {
            loads += 1
            return { id, loads }
          },
        },
      },
      cache,
    )
  const [here, there] = [users(one), users(two)]
  assert.deepEqual(await here.user(42), { id: 42, loads: 1 })
  while (one.stats().inFlight > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(await there.user(42), { id: 42, loads: 1 })
  await here.invalidateTags('user:42')
  assert.deepEqual(await here.user(42), { id: 42, loads: 2 })
  assert.equal(here.user.keyOf(42), 'user:42')
  await one.clear()
  assert.equal(await here.user.get(42), undefined)
  await Promise.all([one.close(), two.close()])
} finally {
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
}
