import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { type Cache, createCache } from '../../src/index.ts'
import { remote } from '../support/setup.ts'

/** Which cache is measured. */
export type Kind = 'alone' | 'over-another' | 'over-shared'

/** Bytes that one call allocates, by what is called, and what the cache counted by then. */
export interface HitPath {
  readonly promise: number
  readonly getOrLoad: number
  readonly get: number
  readonly peek: number
  readonly getOrLoadWithOptions: number
  readonly getOrLoadWithSignal: number
  /** How many calls were measured that are counted, and how many made between the rounds. */
  readonly measured: number
  readonly probes: number
  readonly calls: number
  readonly hits: number
}

/** A round takes a few milliseconds, so that what is believed of a shared tier for a second is still believed at its end. */
const CALLS = 10_000
const ROUNDS = 20
/** How long a cache may take to be quick again; one that works needs a turn or two. */
const MOST_TURNS = 1_000
const { gc: collect } = globalThis as unknown as { gc: (this: void) => void }

const caches: Record<Kind, () => Cache> = {
  alone: () => createCache({ ttl: '1h', staleAfter: '30m', staleIfError: '1h' }),
  'over-another': () =>
    createCache({
      ttl: '1h',
      staleAfter: '30m',
      tiers: [memoryBackend({ maxEntries: 10 }), memoryBackend({ maxEntries: 10, label: 'below' })],
    }),
  'over-shared': () =>
    createCache({
      ttl: '1h',
      tiers: [memoryBackend({ maxEntries: 10 }), remote(systemClock)],
      tags: ['all'],
    }),
}

const cache = caches[process.argv[2] as Kind]()
const load = (): never => {
  throw new Error('a hit does not load')
}
const options = { ttl: '1m', tags: ['t'] } as const
const { signal } = new AbortController()
let probes = 0

/** Lets the event loop turn: what hits have asked for behind themselves comes only then. */
async function untilQuick(): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS; turn += 1) {
    await sleep(2)
    if (isQuick()) return
  }
  throw new Error('hits are not handed out at once')
}

/** Whether a hit is handed out at once: only then is it counted before the event loop turns. */
function isQuick(): boolean {
  const { hits } = cache.stats()
  probes += 1
  void cache.get('k')
  return cache.stats().hits === hits + 1
}

/** Bytes that one call allocates: the least of several rounds, as some come before the code is compiled. */
async function bytesPerCall(call: () => unknown, rounds = ROUNDS): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round += 1) {
    await untilQuick()
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < CALLS; index += 1) call()
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / CALLS)
  }
  return least
}

await cache.set('k', { name: 'Ada' })
const promise = await bytesPerCall(() => Promise.resolve(cache))
const getOrLoad = await bytesPerCall(() => cache.getOrLoad('k', load))
const get = await bytesPerCall(() => cache.get('k'))
const peek = await bytesPerCall(() => cache.peek('k'))
const getOrLoadWithOptions = await bytesPerCall(() => cache.getOrLoad('k', load, options))
// Before the event loop turns: a call that was no hit at once is missing here.
const { calls, hits } = cache.stats()
const counted = { measured: 3 * ROUNDS * CALLS, probes, calls, hits }
const getOrLoadWithSignal = await bytesPerCall(() => cache.getOrLoad('k', load, { signal }), 2)
await cache.close()
const result: HitPath = {
  promise,
  getOrLoad,
  get,
  peek,
  getOrLoadWithOptions,
  getOrLoadWithSignal,
  ...counted,
}
process.stdout.write(JSON.stringify(result))
