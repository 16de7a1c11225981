// Memory over a Redis Cluster of six that this program starts itself. While requests go on, one primary is killed.
// No request fails: what the tiers cannot answer in their time is worked out instead.
import { compose } from '@hitbox/composition'
import { type CacheBackend, cacheValue, createContext } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { cluster, redisBackend } from '@hitbox/redis'
import { startRedisCluster } from '@hitbox/testing'

const SECONDS = 9
const KILL_AT = 2
const RESPONSE_TIMEOUT_MS = 200

const servers = await startRedisCluster({ primaries: 3, replicas: 1 })
const redis = redisBackend({
  connection: cluster(
    servers.nodes.map(({ url }) => url),
    { readFromReplicas: true },
  ),
  responseTimeout: `${RESPONSE_TIMEOUT_MS}ms`,
})
const tiers = compose(memoryBackend({ maxEntries: 50 }), redis)
await redis.ready({ timeout: '10s' })

/** What a second of requests came to. */
class Second {
  readonly sources = new Map<string, number>()
  tierFailures = 0
  slowestMs = 0
}

async function answer(tiers_: CacheBackend, id: number, second: Second): Promise<void> {
  const context = createContext()
  const begun = performance.now()
  // A tier that fails or is late costs the answer its time at most, never the answer.
  const found = await tryTier(() => tiers_.get<number>(['square', id], { context }), second)
  const value = found === undefined ? id ** 2 : found.data
  if (value !== id ** 2) throw new Error(`wrong answer for ${id}`)
  second.slowestMs = Math.max(second.slowestMs, performance.now() - begun)
  const source = found === undefined ? 'worked out' : context.source
  second.sources.set(source, (second.sources.get(source) ?? 0) + 1)
  if (found === undefined) {
    await tryTier(() => tiers_.set(['square', id], cacheValue(value, { ttl: '1m' })), second)
  }
}

async function tryTier<T>(call: () => T | Promise<T>, second: Second): Promise<T | undefined> {
  try {
    return await call()
  } catch {
    second.tierFailures += 1 // counted and told by the tiers' own events; here the loader takes over
    return undefined
  }
}

let requests = 0
let slowest = 0
const begun = performance.now()
for (let index = 0; index < SECONDS; index += 1) {
  const second = new Second()
  if (index === KILL_AT) {
    await servers.nodes[0]?.kill()
    console.log('     one primary killed')
  }
  while (performance.now() - begun < (index + 1) * 1_000) {
    const ids = Array.from({ length: 20 }, () => Math.floor(Math.random() * 2_000))
    await Promise.all(ids.map((id) => answer(tiers, id, second)))
    requests += ids.length
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  slowest = Math.max(slowest, second.slowestMs)
  const shares = [...second.sources].map(([source, count]) => `${source} ${count}`).join(', ')
  console.log(
    `${index + 1} s  ${shares}; tier failures ${second.tierFailures}; slowest ${second.slowestMs.toFixed(0)} ms`,
  )
}
await tiers.close()
await servers.stop()
console.log(`\n${requests} requests, none failed; the slowest took ${slowest.toFixed(0)} ms`)
