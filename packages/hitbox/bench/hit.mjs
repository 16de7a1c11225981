// What a hit in memory costs, as a ratio to bare lru-cache with a ttl, in one run, interleaved. Runs on dist: build before.
// node packages/hitbox/bench/hit.mjs
import { setImmediate } from 'node:timers/promises'
import { redisBackend, single } from '@hitbox/redis'
import { startRedis } from '@hitbox/testing'
import { createCache, memoryBackend } from 'hitbox'
import { LRUCache } from 'lru-cache'

const KEYS = 1_000
const CALLS = 100_000
const ROUNDS = 31

const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`)
const lru = new LRUCache({ max: 10_000, ttl: 600_000 })
const cache = createCache({ ttl: '10m' })
const two = createCache({
  ttl: '10m',
  tiers: [
    memoryBackend({ maxEntries: 10_000 }),
    memoryBackend({ maxEntries: 10_000, label: 'below' }),
  ],
})
const redis = await startRedis()
const shared = createCache({
  ttl: '10m',
  tiers: [
    memoryBackend({ maxEntries: 10_000 }),
    redisBackend({ connection: single(redis.url), responseTimeout: '10s' }),
  ],
})
for (const key of keys) {
  lru.set(key, { key })
  await cache.set(key, { key })
  await two.set(key, { key })
  await shared.set(key, { key })
}
const load = () => {
  throw new Error('not a hit')
}
const getUser = cache.fn('user', load)

let sink = 0
const contestants = {
  'lru-cache get': () => {
    for (let call = 0; call < CALLS; call += 1) sink += lru.get(keys[call % KEYS]).key.length
  },
  peek: () => {
    for (let call = 0; call < CALLS; call += 1) sink += cache.peek(keys[call % KEYS]).key.length
  },
  'peek, two tiers': () => {
    for (let call = 0; call < CALLS; call += 1) sink += two.peek(keys[call % KEYS]).key.length
  },
  'lru-cache get, awaited': async () => {
    for (let call = 0; call < CALLS; call += 1)
      sink += (await lru.get(keys[call % KEYS])).key.length
  },
  get: async () => {
    for (let call = 0; call < CALLS; call += 1)
      sink += (await cache.get(keys[call % KEYS])).key.length
  },
  getOrLoad: async () => {
    for (let call = 0; call < CALLS; call += 1)
      sink += (await cache.getOrLoad(keys[call % KEYS], load)).key.length
  },
  'getOrLoad, two tiers': async () => {
    for (let call = 0; call < CALLS; call += 1)
      sink += (await two.getOrLoad(keys[call % KEYS], load)).key.length
  },
  'getOrLoad, memory over Redis': async () => {
    for (let call = 0; call < CALLS; call += 1)
      sink += (await shared.getOrLoad(keys[call % KEYS], load)).key.length
  },
  'fn of a number': async () => {
    for (let call = 0; call < CALLS; call += 1) sink += (await getUser(call % KEYS)).key.length
  },
}
const BASES = { peek: 'lru-cache get', 'peek, two tiers': 'lru-cache get' }

const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(contestants)) {
    // Heartbeats of the shared tier have their turn, as in a service.
    await setImmediate()
    const begun = performance.now()
    await run()
    if (round > 4) times[name].push(((performance.now() - begun) * 1e6) / CALLS)
  }
}
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
const rows = Object.entries(times).map(([name, list]) => {
  const base = BASES[name] ?? (name.startsWith('lru') ? name : 'lru-cache get, awaited')
  const ratios = list.map((ns, index) => ns / times[base][index])
  return { name, ns: Math.round(median(list)), ratio: Number(median(ratios).toFixed(2)) }
})
console.table(rows)
if (sink === 0) throw new Error('nothing was read')
await cache.close()
await two.close()
const { calls, hits } = shared.stats()
if (hits !== calls) throw new Error(`${calls - hits} of ${calls} reads were no hits in memory`)
await shared.close()
await redis.stop()
