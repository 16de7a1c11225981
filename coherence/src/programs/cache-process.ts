import { setTimeout as sleep } from 'node:timers/promises'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, type RedisBackendOptions, single } from '@hitbox/redis'
import { machineTime } from '@hitbox/testing'
import { createClient } from '@redis/client'
import { createCache, type Fresh } from 'hitbox'
import { serveCalls } from '../serve-calls.ts'

/** What a process with a cache is set up with, as JSON in its first argument. */
export interface CacheProcessSettings {
  readonly cacheUrl: string
  /** Where the source is, in which loads are counted and values are found. */
  readonly sourceUrl: string
  readonly redis?: Pick<
    RedisBackendOptions,
    'maxStale' | 'leaseTime' | 'responseTimeout' | 'coherence' | 'epoch'
  >
  readonly hardTimeoutMs?: number
}

/** What can be asked of such a process, one after the other or at once. */
export interface CacheProcessCalls {
  /** How a read is answered: the value, and where it came from. */
  get(args: { readonly key: string; readonly fresh?: Fresh }): {
    readonly value: number | undefined
    readonly source: string
  }
  /** So many calls at once; loads count themselves under `loads:<key>` and take their time, the first perhaps another. */
  load(args: {
    readonly key: string
    readonly calls: number
    readonly loadMs: number
    readonly firstLoadMs?: number
  }): {
    readonly values: readonly (number | string)[]
    readonly longestMs: number
  }
  /** Begins loads that never end, of keys that begin so, and waits until all callers are answered. */
  hang(args: { readonly prefix: string; readonly keys: number; readonly atOnce: number }): {
    readonly codes: Readonly<Record<string, number>>
    readonly longestMs: number
  }
  delete(args: { readonly key: string }): { readonly token: string }
  /** Lets nothing else happen for that long, and then reads before anything can. */
  blockAndGet(args: { readonly key: string; readonly ms: number }): {
    readonly value: number | undefined
    readonly source: string
  }
  /** After everything has been collected that can be. */
  usage(args: null): {
    readonly heapBytes: number
    readonly inFlight: number
    readonly loads: number
  }
  close(args: null): { readonly closed: true }
}

const settings = JSON.parse(process.argv[2] ?? '{}') as CacheProcessSettings
const { gc: collect } = globalThis as unknown as { gc?: (this: void) => void }
const source = createClient({ url: settings.sourceUrl })
source.on('error', () => {})
await source.connect()
const cache = createCache<number>({
  tiers: [
    memoryBackend({ maxEntries: 10_000 }),
    redisBackend({ connection: single(settings.cacheUrl), ...settings.redis }),
  ],
  ttl: '10m',
  hardTimeout: `${settings.hardTimeoutMs ?? 30_000}ms`,
})

async function read(key: string, fresh?: Fresh): Promise<ReturnType<CacheProcessCalls['get']>> {
  const { value, context } = await cache.get.withContext(key, { fresh })
  return { value, source: context.source }
}

serveCalls<CacheProcessCalls>({
  get: ({ key, fresh }) => read(key, fresh),
  async load({ key, calls, loadMs, firstLoadMs = loadMs }) {
    const load = async ({ signal }: { readonly signal: AbortSignal }): Promise<number> => {
      const count = await source.incr(`loads:${key}`)
      await source.set(`loader:${key}`, String(process.pid))
      await sleep(count === 1 ? firstLoadMs : loadMs, undefined, { signal })
      return Number((await source.get(`value:${key}`)) ?? count)
    }
    let longestMs = 0
    const one = async (): Promise<number | string> => {
      const begun = machineTime()
      const value = await cache.getOrLoad(key, load).catch(codeOf)
      longestMs = Math.max(longestMs, machineTime() - begun)
      return value
    }
    const values = await Promise.all(Array.from({ length: calls }, one))
    return { values: [...new Set(values)], longestMs }
  },
  async hang({ prefix, keys, atOnce }) {
    const codes: Record<string, number> = {}
    let longestMs = 0
    let next = 0
    const worker = async (): Promise<void> => {
      for (let index = next++; index < keys; index = next++) {
        const begun = machineTime()
        const code = await cache
          .getOrLoad(`${prefix}${index}`, () => new Promise<number>(() => {}))
          .catch(codeOf)
        longestMs = Math.max(longestMs, machineTime() - begun)
        codes[code] = (codes[code] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return { codes, longestMs }
  },
  async delete({ key }) {
    const { token } = await cache.delete(key)
    return { token }
  },
  blockAndGet({ key, ms }) {
    const end = machineTime() + ms
    while (machineTime() < end);
    return read(key)
  },
  async usage() {
    for (let round = 0; round < 5; round += 1) {
      await sleep(10)
      collect?.()
    }
    const { inFlight, loads } = cache.stats()
    return { heapBytes: process.memoryUsage().heapUsed, inFlight, loads }
  },
  async close() {
    await cache.close({ timeout: 0 })
    source.destroy()
    return { closed: true }
  },
})

function codeOf(error: unknown): string {
  return (error as { readonly code?: string }).code ?? String(error)
}
