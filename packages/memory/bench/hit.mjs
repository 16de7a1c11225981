// What hits and sets cost beside lru-cache with a ttl that keeps the same things: entries with their times. All policies are used
// in the one process, so that the compiler has seen them all, unless one is named. Single-threaded, so that garbage collection is
// counted with what makes the garbage. Build first: tsc -b packages/memory
//   node --single-threaded --expose-gc packages/memory/bench/hit.mjs [ROUNDS [POLICY]]
import { memoryBackend } from '@hitbox/memory'
import { LRUCache } from 'lru-cache'

const ROUNDS = Number(process.argv[2] ?? 25)
const POLICIES = process.argv[3]?.split(',') ?? ['lru', 'sieve', 's3-fifo']
const CALLS = 20_000
const WARM_UP = 8
const SKEW = 0.9

const expiresAt = performance.timeOrigin + performance.now() + 6_000_000
const entryOf = (key) => ({ data: { id: key }, staleAt: expiresAt, expiresAt })

/** The same verbs for both, as short as they can be. */
class Bare {
  constructor(count) {
    this.cache = new LRUCache({ max: count, ttl: 6_000_000 })
  }
  get(key) {
    return this.cache.get(key)
  }
  // lru-cache has a peek of its own, but the gate is a get.
  peek(key) {
    return this.cache.get(key)
  }
  hit(key) {
    return this.cache.get(key)
  }
  set(key, entry) {
    this.cache.set(key, entry)
  }
}

const makers = { 'lru-cache': (count) => new Bare(count) }
for (const eviction of POLICIES) {
  makers[eviction] = (maxEntries) => memoryBackend({ maxEntries, eviction })
}
if (process.env.BASE !== undefined) {
  const base = await import(process.env.BASE)
  makers.base = (maxEntries) => base.memoryBackend({ maxEntries })
}

/** Keys by their popularity, asked for by a cumulative table: the one of rank n about n ** -SKEW as often as the first. */
function zipf(keys, calls) {
  const sums = new Float64Array(keys.length)
  let sum = 0
  for (let rank = 0; rank < keys.length; rank += 1) sums[rank] = sum += (rank + 1) ** -SKEW
  return Array.from({ length: calls }, () => {
    const wanted = Math.random() * sum
    let [low, high] = [0, keys.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle] < wanted) low = middle + 1
      else high = middle
    }
    return keys[low]
  })
}

/** Popular keys lie anywhere, as they do in a cache that has run for a while. */
function shuffled(keys) {
  for (let at = keys.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[keys[at], keys[other]] = [keys[other], keys[at]]
  }
  return keys
}

const keysOf = (count, name) => Array.from({ length: count }, (_, index) => `${name}:${index}`)

/** Each gives a function of its own source, so that what the compiler learns from one contender is not used for another. */
const bodies = {
  get: 'for (const key of asked) sum += cache.get(key).data.id.length',
  hit: 'for (const key of asked) sum += cache.hit(key).data.id.length',
  peek: 'for (const key of asked) sum += cache.peek(key).data.id.length',
  'get, awaited': 'for (const key of asked) sum += (await cache.get(key)).data.id.length',
  update: 'for (const key of asked) cache.set(key, entryOf(key))',
  // As many new keys as the cache holds are gone through, twice over: every set evicts.
  insert: `for (let turn = 0; turn < asked.length; turn += 1) {
      cache.set(more[next], entryOf(more[next]))
      next = next + 1 === more.length ? 0 : next + 1
    }`,
  'get, or set': `for (const key of mixed) {
      const found = cache.get(key)
      if (found === undefined) cache.set(key, entryOf(key))
      else sum += found.data.id.length
    }`,
}

/** What is asked for at one size of cache, and what of it is looked at. */
function scene(count) {
  const keys = shuffled(keysOf(count, 'user'))
  if (count === 1) {
    return {
      asked: Array.from({ length: CALLS }, () => keys[0]),
      kinds: Object.keys(bodies).slice(0, 5),
    }
  }
  const asked = zipf(keys, CALLS)
  const more = keysOf(count * 3, 'item')
  const mixed = zipf(shuffled(keysOf(count * 10, 'page')), CALLS)
  return { asked, more, mixed, kinds: Object.keys(bodies) }
}

function lanesOf(kind, count, { asked, more, mixed }) {
  return Object.entries(makers).map(([name, make]) => {
    const cache = make(count)
    for (const key of keysOf(count, 'user')) cache.set(key, entryOf(key))
    const async = kind.endsWith('awaited') ? 'async ' : ''
    // oxlint-disable-next-line typescript/no-implied-eval -- one function per contender, or they would share what the compiler learns
    const compiled = new Function(
      'cache, asked, more, mixed, entryOf',
      `let next = 0; return ${async}() => { let sum = 0; ${bodies[kind]}; return sum }`,
    )
    return { name, run: compiled(cache, asked, more, mixed, entryOf), times: [] }
  })
}

/** Processor time in ns per call: on a machine that others use too, the time of the clock on the wall is mostly theirs. */
async function timed(run) {
  const before = process.cpuUsage()
  if (Number.isNaN(await run())) throw new Error('a call gave nothing')
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1_000) / CALLS
}

const sorted = (numbers) => numbers.toSorted((a, b) => a - b)
const at = (share, numbers) => sorted(numbers)[Math.floor(share * numbers.length)]

for (const count of [1, 1_000, 100_000]) {
  const asked = scene(count)
  for (const kind of asked.kinds) {
    const lanes = lanesOf(kind, count, asked)
    globalThis.gc?.()
    for (let round = 0; round < ROUNDS + WARM_UP; round += 1) {
      for (const { run, times } of lanes) {
        // Once without counting: the one before has filled the processor's caches with its own.
        await run()
        const time = await timed(run)
        if (round >= WARM_UP) times.push(time)
      }
    }
    for (const { name, times } of lanes) {
      // Each round against the same round of the base: what slows the machine for a while slows both.
      const ratios = times.map((time, round) => time / lanes[0].times[round])
      const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => at(share, ratios).toFixed(2))
      const ns = `${at(0.5, times).toFixed(1).padStart(7)} ns`
      const label = `${kind}, ${count.toLocaleString('en')}`.padEnd(22)
      console.log(`${label} ${name.padEnd(10)} ${ns}  ${middle} x (${low} to ${high})`)
    }
  }
}
