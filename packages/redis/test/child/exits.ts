import { cacheValue } from '@hitbox/core'
import { redisBackend, single } from '../../src/index.ts'

/** Ends by itself, or the test that started it fails: `node exits.ts <url> <close | hang | refused>`. */
const [, , url = '', what] = process.argv
const backend = redisBackend({ connection: single(url), responseTimeout: '200ms' })

if (what === 'refused') {
  // Between two attempts there is no socket; the process must not end before the answer all the same.
  for (let round = 0; round < 5; round += 1) {
    await Promise.resolve(backend.get('k')).catch(() => undefined)
  }
} else {
  await Promise.resolve(backend.set('k', cacheValue(1, { ttl: '1m' }))).catch(() => undefined)
}
if (what === 'hang') {
  for (let round = 0; round < 10; round += 1) void Promise.resolve(backend.get('k')).catch(() => 0)
}
await backend.close()
process.stdout.write('closed\n')
