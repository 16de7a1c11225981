// What an entry costs in memory beside lru-cache. Build first: tsc -b packages/memory
//   node --expose-gc packages/memory/bench/heap.mjs [ENTRIES]
import { memoryBackend } from '@hitbox/memory'
import { LRUCache } from 'lru-cache'

const ENTRIES = Number(process.argv[2] ?? 100_000)
const WARM_UP = 1_000
if (globalThis.gc === undefined) throw new Error('run with --expose-gc')

const now = performance.timeOrigin + performance.now()
const rows = {
  tiny: (index) => ({ id: index }),
  small: (index) => ({
    id: index,
    name: `User number ${index}`,
    email: `user${index}@example.org`,
  }),
}
let row = rows.small

const contenders = {
  'lru-cache': (count) => fill(new LRUCache({ max: count }), count),
  'lru-cache with ttl': (count) => fill(new LRUCache({ max: count, ttl: 600_000 }), count),
  '@hitbox/memory': (count) => {
    const memory = memoryBackend({ maxEntries: count })
    for (let index = 0; index < count; index += 1) {
      const expiresAt = now + 600_000 + index / 7
      memory.set(`user:${index}`, { data: row(index), staleAt: expiresAt, expiresAt })
    }
    return memory
  },
}

function fill(lru, count) {
  for (let index = 0; index < count; index += 1) lru.set(`user:${index}`, row(index))
  return lru
}

function heapUsed() {
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}

const keep = []
for (const make of Object.values(contenders)) keep.push(make(WARM_UP))
for (const [kind, makeRow] of Object.entries(rows)) {
  row = makeRow
  let base
  for (const [name, make] of Object.entries(contenders)) {
    const before = heapUsed()
    keep.push(make(ENTRIES))
    const bytes = (heapUsed() - before) / ENTRIES
    base ??= bytes
    keep.pop()
    const ratio = (bytes / base).toFixed(2)
    console.log(
      `${kind.padEnd(6)} ${name.padEnd(20)} ${bytes.toFixed(0).padStart(5)} bytes ${ratio} x`,
    )
  }
}
