import { setTimeout as sleep } from 'node:timers/promises'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'
import {
  checkHistory,
  type HistoryEvent,
  type HistoryRecorder,
  historyRecorder,
  machineTime,
} from '@hitbox/testing'
import { type Cache, createCache } from 'hitbox'
import { serveCalls } from '../serve-calls.ts'

/** What is to be done, and how patiently. */
export interface MixedSettings {
  readonly cacheUrl: string
  readonly callers: number
  readonly keysOfCaller: number
  readonly maxStaleMs: number
  readonly responseTimeoutMs: number
  readonly tierTimeoutMs: number
}

/** How calls of one kind went. */
export interface CallReport {
  readonly calls: number
  readonly longestMs: number
  /** Failures by their code; whatever has none by its text. */
  readonly failures: Readonly<Record<string, number>>
}

/** What came of it all. */
export interface MixedReport {
  readonly operations: Readonly<Record<string, CallReport>>
  /** Violations of each rule, and the first of them. */
  readonly violated: Readonly<Record<string, number>>
  readonly violations: readonly unknown[]
  readonly strongReads: number
  /** Longest that the event loop was held up: nobody's deadline can be kept meanwhile. */
  readonly heldUpMs: number
}

export interface MixedCalls {
  /** How many operations have been done, and how many of the reads found something. */
  progress(args: null): {
    readonly done: number
    readonly reads: number
    readonly hits: number
  }
  /** Lets the operations end, and judges. */
  report(args: null): MixedReport
  close(args: null): { readonly closed: true }
}

const settings = JSON.parse(process.argv[2] ?? '{}') as MixedSettings
const { callers, keysOfCaller, maxStaleMs, responseTimeoutMs, tierTimeoutMs } = settings
/** Two processes, as far as Redis can tell; half of the callers use each. */
const caches = [open(), open()] as const
const source = new Map<string, number>()
const history: HistoryEvent[] = []
const operations = new Map<
  string,
  { calls: number; longestMs: number; failures: Record<string, number> }
>()
let done = 0
const run = { over: false }
let heldUpMs = 0

function open(): Cache<number> {
  return createCache<number>({
    tiers: [
      memoryBackend({ maxEntries: 10_000 }),
      redisBackend({
        connection: single(settings.cacheUrl),
        maxStale: `${maxStaleMs}ms`,
        responseTimeout: `${responseTimeoutMs}ms`,
        connectTimeout: `${responseTimeoutMs}ms`,
      }),
    ],
    ttl: '10m',
    tierTimeout: `${tierTimeoutMs}ms`,
  })
}

const keyOf = (caller: number, index: number): string => `key:${caller}:${index}`
const tagOf = (caller: number): string => `caller:${caller}`
const versionOf = (key: string): number => source.get(key) ?? 0
const load = (key: string) => async (): Promise<number> => {
  const version = versionOf(key)
  await sleep(1)
  return version
}

async function timed(name: string, call: () => Promise<unknown>): Promise<void> {
  let report = operations.get(name)
  if (report === undefined) {
    report = { calls: 0, longestMs: 0, failures: {} }
    operations.set(name, report)
  }
  const begun = machineTime()
  try {
    await call()
  } catch (error) {
    const code = (error as { readonly code?: string }).code ?? String(error)
    report.failures[code] = (report.failures[code] ?? 0) + 1
  }
  report.calls += 1
  report.longestMs = Math.max(report.longestMs, machineTime() - begun)
  done += 1
}

/** What one caller does next. Each changes keys of his own only, so that their versions are in order, and reads all. */
async function step(
  caller: number,
  cache: Cache<number>,
  recorder: HistoryRecorder,
): Promise<void> {
  const draw = (below: number): number => Math.floor(Math.random() * below)
  const own = keyOf(caller, draw(keysOfCaller))
  const any = keyOf(draw(callers), draw(keysOfCaller))
  const ownerOf = (key: string): string => tagOf(Number(key.split(':')[1]))
  const bounded = { maxStaleMs }
  const raise = (key: string): number => {
    const version = versionOf(key) + 1
    source.set(key, version)
    return version
  }
  const chance = draw(1_000)
  if (chance < 700) {
    const options = { tags: [ownerOf(any)] }
    await timed('getOrLoad', () =>
      recorder.read(any, bounded, () => cache.getOrLoad(any, load(any), options)),
    )
  } else if (chance < 850) {
    const options = { tags: [ownerOf(any)], fresh: 'barrier' } as const
    await timed('getOrLoad barrier', () =>
      recorder.read(any, 'strong', () => cache.getOrLoad(any, load(any), options)),
    )
  } else if (chance < 900) {
    const keys = Array.from({ length: 5 }, (_, index) => keyOf(draw(callers), index))
    const many = [...new Set(keys)]
    await timed('getOrLoadMany', () =>
      recorder.readMany(many, bounded, () =>
        cache.getOrLoadMany(
          many,
          (missing: readonly string[]) => Promise.all(missing.map((key) => load(key)())),
          { tags: (key: string) => [ownerOf(key)] },
        ),
      ),
    )
  } else if (chance < 950) await timed('get', () => cache.get(any))
  else if (chance < 970) {
    const version = raise(own)
    await timed('delete', () => recorder.invalidate({ [own]: version }, () => cache.delete(own)))
  } else if (chance < 990) {
    const version = raise(own)
    const options = { tags: [tagOf(caller)] }
    await timed('set', () =>
      recorder.invalidate({ [own]: version }, () => cache.set(own, version, options)),
    )
  } else if (chance < 995) {
    const versions = Object.fromEntries(
      Array.from({ length: keysOfCaller }, (_, index) => [keyOf(caller, index), 0]),
    )
    for (const key of Object.keys(versions)) versions[key] = raise(key)
    await timed('invalidateTags', () =>
      recorder.invalidate(versions, () => cache.invalidateTags(tagOf(caller))),
    )
  } else await timed('expire', () => cache.expire(own))
}

const running = Array.from({ length: callers }, async (_, caller) => {
  const cache = caches[caller % 2] as Cache<number>
  const recorder = historyRecorder(`caller ${caller}`, (event) => history.push(event))
  while (!run.over) {
    await step(caller, cache, recorder)
    await sleep(1 + Math.random() * 8)
  }
})

const watching = (async () => {
  while (!run.over) {
    const begun = machineTime()
    await sleep(5)
    heldUpMs = Math.max(heldUpMs, machineTime() - begun - 5)
  }
})()

serveCalls<MixedCalls>({
  async progress() {
    let reads = 0
    let hits = 0
    for (const cache of caches) {
      const stats = cache.stats()
      reads += stats.calls
      hits += stats.hits + stats.stale
    }
    return { done, reads, hits }
  },
  async report() {
    run.over = true
    await Promise.all([...running, watching])
    const { violated, violations, reads } = checkHistory(history)
    return {
      operations: Object.fromEntries(operations),
      violated,
      violations: violations.slice(0, 3),
      strongReads: reads.strong,
      heldUpMs,
    }
  },
  async close() {
    await Promise.all(caches.map((cache) => cache.close({ timeout: 0 })))
    return { closed: true }
  },
})
