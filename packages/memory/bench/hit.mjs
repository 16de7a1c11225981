// What a hit costs beside lru-cache with a ttl on the same keys. Build first: tsc -b packages/memory
//   node packages/memory/bench/hit.mjs [ROUNDS [ENTRIES]]
import { memoryBackend } from '@hitbox/memory'
import { LRUCache } from 'lru-cache'

const ROUNDS = Number(process.argv[2] ?? 101)
const ENTRIES = Number(process.argv[3] ?? 10_000)
const CALLS = 50_000

const keys = Array.from({ length: ENTRIES }, (_, index) => `user:${index}`)
const lru = new LRUCache({ max: ENTRIES, ttl: 600_000 })
const memory = memoryBackend({ maxEntries: ENTRIES })
const expiresAt = performance.timeOrigin + performance.now() + 600_000
for (const key of keys) {
  lru.set(key, { id: key })
  memory.set(key, { data: { id: key }, staleAt: expiresAt, expiresAt })
}
const asked = Array.from({ length: CALLS }, () => keys[Math.floor(Math.random() * ENTRIES)])

const contenders = {
  'lru-cache get': () => {
    let sum = 0
    for (const key of asked) sum += lru.get(key).id.length
    return sum
  },
  peek: () => {
    let sum = 0
    for (const key of asked) sum += memory.peek(key).data.id.length
    return sum
  },
  get: () => {
    let sum = 0
    for (const key of asked) sum += memory.get(key).data.id.length
    return sum
  },
  'lru-cache get, awaited': async () => {
    let sum = 0
    for (const key of asked) sum += (await lru.get(key)).id.length
    return sum
  },
  'get, awaited': async () => {
    let sum = 0
    for (const key of asked) sum += (await memory.get(key)).data.id.length
    return sum
  },
}

const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
const sums = new Set()
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, run] of Object.entries(contenders)) {
    // Once without counting: the one before has filled the processor's caches with its own.
    await run()
    const begin = performance.now()
    sums.add(await run())
    const ns = ((performance.now() - begin) / CALLS) * 1e6
    if (round > ROUNDS / 10) times[name].push(ns)
  }
}
if (sums.size !== 1) throw new Error('the contenders did not do the same work')

const sorted = (name) => times[name].toSorted((a, b) => a - b)
const median = (name) => sorted(name)[times[name].length >> 1]
// Beside the median the least: on a machine that others use too, it says more of the program.
const least = (name) => sorted(name)[0]
for (const name of Object.keys(contenders)) {
  const base = name.endsWith('awaited') ? 'lru-cache get, awaited' : 'lru-cache get'
  const part = (of) => `${of(name).toFixed(1).padStart(8)} ns ${(of(name) / of(base)).toFixed(2)} x`
  console.log(`${name.padEnd(24)} median ${part(median)}   least ${part(least)}`)
}
await memory.close()
