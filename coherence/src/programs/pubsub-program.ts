import { machineTime, type ProgramEnv, type ProgramUnderTest } from '@hitbox/testing'
import { createClient } from '@redis/client'

/** Settings of the program. */
interface PubsubSettings {
  /** Life of values in memory and in Redis, in ms. @defaultValue 60_000 */
  readonly ttlMs?: number
}

const CHANNEL = 'invalidations'

/**
 * A cache as it is commonly built: a map in memory with a life, values in Redis, one load at a time in a process, and a
 * message to everybody on each invalidation. No lease, no fence and no bound of staleness, so both demands mean the same.
 * It is here to be found wrong.
 */
export async function start(env: ProgramEnv): Promise<ProgramUnderTest> {
  const { ttlMs = 60_000 } = (env.settings ?? {}) as PubsubSettings
  const commands = createClient({ url: env.cacheUrl })
  const subscriber = createClient({ url: env.cacheUrl })
  // Both reconnect by themselves; without a listener the first lost connection would end the process.
  commands.on('error', () => {})
  subscriber.on('error', () => {})
  await Promise.all([commands.connect(), subscriber.connect()])
  const memory = new Map<string, { readonly version: number; readonly until: number }>()
  const loads = new Map<string, Promise<number>>()
  const counts = { hits: 0, found: 0, loads: 0 }
  await subscriber.subscribe(CHANNEL, (key) => memory.delete(key))

  const keep = (key: string, version: number): number => {
    memory.set(key, { version, until: machineTime() + ttlMs })
    return version
  }
  const load = async (key: string): Promise<number> => {
    const stored = await commands.get(key)
    if (stored !== null) {
      counts.found += 1
      return keep(key, Number(stored))
    }
    counts.loads += 1
    const version = await env.load(key)
    await commands.set(key, String(version), { expiration: { type: 'PX', value: ttlMs } })
    return keep(key, version)
  }
  const read = (key: string): Promise<number> => {
    const kept = memory.get(key)
    if (kept !== undefined && kept.until > machineTime()) {
      counts.hits += 1
      return Promise.resolve(kept.version)
    }
    const flight = loads.get(key) ?? load(key).finally(() => loads.delete(key))
    loads.set(key, flight)
    return flight
  }

  return {
    read,
    readMany: (keys) => Promise.all(keys.map(read)),
    async invalidate(key) {
      await commands.del(key)
      memory.delete(key)
      await commands.publish(CHANNEL, key)
    },
    async set(key, version) {
      await commands.set(key, String(version), { expiration: { type: 'PX', value: ttlMs } })
      await commands.publish(CHANNEL, key)
      keep(key, version)
    },
    async close() {
      commands.destroy()
      subscriber.destroy()
    },
    stats: () => ({ ...counts }),
  }
}
