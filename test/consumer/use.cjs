// The same from CommonJS: Node >= 20.19 requires ES modules.
const assert = require('node:assert/strict')
const { compose } = require('@hitbox/composition')
const { cacheValue } = require('@hitbox/core')
const { json } = require('@hitbox/formats/json')
const { memoryBackend } = require('@hitbox/memory')
const { redisBackend, single } = require('@hitbox/redis')
const { createCache } = require('hitbox')

async function main() {
  const tiers = compose(
    memoryBackend({ maxEntries: 10 }),
    memoryBackend({ maxBytes: 100_000, values: 'encoded', valueFormat: json, label: 'encoded' }),
  )
  await tiers.set('k', cacheValue({ a: [1, 2, 3] }, { ttl: '1m' }))
  assert.deepEqual((await tiers.get('k')).data, { a: [1, 2, 3] })
  await tiers.close()
  const cache = createCache({ ttl: '1m' })
  assert.equal(await cache.getOrLoad(['user', 42], () => 'Ada', { tags: ['users'] }), 'Ada')
  await cache.invalidateTags('users')
  assert.equal(await cache.get(['user', 42]), undefined)
  await cache.close()
  const nowhere = redisBackend({
    connection: single('redis://127.0.0.1:1'),
    responseTimeout: '200ms',
  })
  await assert.rejects(async () => nowhere.get('k'), { name: 'CacheError' })
  await nowhere.close()
}

main()
