// What an entry costs in memory beside lru-cache: filled to the bound, and after as many entries again have taken the place of the
// first ones. Build first: tsc -b packages/memory
//   node --expose-gc packages/memory/bench/heap.mjs [ENTRIES [KIND]]
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
let turns = 1

const contenders = {
  'lru-cache': (count) => fill(new LRUCache({ max: count }), count),
  'lru-cache with ttl': (count) => fill(new LRUCache({ max: count, ttl: 600_000 }), count),
  // What a backend keeps: the value with its moments.
  'lru-cache of entries': (count) => fillOurs(new LRUCache({ max: count, ttl: 600_000 }), count),
  lru: (count) => fillOurs(memoryBackend({ maxEntries: count, eviction: 'lru' }), count),
  sieve: (count) => fillOurs(memoryBackend({ maxEntries: count, eviction: 'sieve' }), count),
  's3-fifo': (count) => fillOurs(memoryBackend({ maxEntries: count, eviction: 's3-fifo' }), count),
}
if (process.env.BASE !== undefined) {
  const base = await import(process.env.BASE)
  contenders.base = (count) => fillOurs(base.memoryBackend({ maxEntries: count }), count)
}

function fill(lru, count) {
  for (let index = 0; index < count * turns; index += 1) lru.set(`user:${index}`, row(index))
  return lru
}

function fillOurs(memory, count) {
  for (let index = 0; index < count * turns; index += 1) {
    const expiresAt = now + 600_000 + index / 7
    memory.set(`user:${index}`, { data: row(index), staleAt: expiresAt, expiresAt })
  }
  return memory
}

function heapUsed() {
  for (let turn = 0; turn < 4; turn += 1) globalThis.gc()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}

const keep = []
for (const make of Object.values(contenders)) keep.push(make(WARM_UP))
for (const [kind, makeRow] of Object.entries(rows)) {
  if (kind !== (process.argv[3] ?? kind)) continue
  row = makeRow
  for (turns of [1, 2]) {
    const found = {}
    for (const [name, make] of Object.entries(contenders)) {
      const before = heapUsed()
      keep.push(make(ENTRIES))
      found[name] = (heapUsed() - before) / ENTRIES
      keep.pop()
      const ratio = (base) => `${(found[name] / found[base]).toFixed(2)} x`
      const state = turns === 1 ? 'filled' : 'turned over'
      const bytes = `${found[name].toFixed(0).padStart(5)} bytes`
      const bases = ['lru-cache', 'lru-cache with ttl', 'lru-cache of entries']
      const ratios = bases
        .filter((base) => base in found && base !== name)
        .map(ratio)
        .join(' ')
      console.log(`${kind.padEnd(6)} ${state.padEnd(12)} ${name.padEnd(20)} ${bytes} ${ratios}`)
    }
  }
}
