import type { CacheBackend, Offload } from '@hitbox/core'
import { type ManualClock, manualClock } from '@hitbox/testing'
import { expect, onTestFinished } from 'vitest'
import { type Cache, type CacheOptions, createCache } from '../../src/index.ts'
import { type ClientOptions, type CoherentClient, CoherentStore } from './coherent-store.ts'
import { settle } from './settle.ts'
import { memory, source, type Source } from './setup.ts'

export interface FleetOptions extends CacheOptions {
  readonly client?: ClientOptions
  /** Tiers between memory and the store. */
  readonly between?: (clock: ManualClock) => readonly CacheBackend[]
  /** Whether there is no memory above the store. @defaultValue false */
  readonly bare?: boolean
}

/** One process of several. */
export interface Member {
  readonly cache: Cache
  readonly client: CoherentClient
  /** What it loads from; loads wait for the test. */
  readonly source: Source<string>
}

export interface Fleet {
  readonly clock: ManualClock
  readonly store: CoherentStore
  readonly a: Member
  readonly b: Member
}

/** Two processes with memory each, over one store. Closed with the test, and then nothing may be left. */
export async function fleet(options: FleetOptions = {}): Promise<Fleet> {
  const clock = manualClock()
  const store = new CoherentStore(clock)
  const [a, b] = [join(clock, store, options), join(clock, store, options)]
  onTestFinished(async () => {
    for (const { client, cache } of [a, b]) {
      client.letGo()
      const closing = cache.close({ timeout: 0 })
      await settle()
      await closing
      client.letGo()
      await settle()
      expect(cache.stats().inFlight).toBe(0)
      expect(client.listeners).toBe(0)
      balanced(cache)
    }
    expect(clock.pendingTimers).toBe(0)
  })
  return { clock, store, a, b }
}

export function join(
  clock: ManualClock,
  store: CoherentStore,
  { client: clientOptions, between, bare, ...options }: FleetOptions = {},
): Member {
  const client = store.connect('shared', clientOptions)
  const upper = bare === true ? [] : [memory(clock), ...(between?.(clock) ?? [])]
  const tiers = [...upper, client]
  const cache = createCache({ ttl: '1m', ...options, clock, tiers })
  return { cache, client, source: source() }
}

/** Every call is counted as exactly one outcome. */
export function balanced(cache: Cache): void {
  const { calls, hits, stale, misses, bypasses } = cache.stats()
  expect(hits + stale + misses + bypasses).toBe(calls)
}

/** Ends the load that began last. */
export async function give({ source: { loads } }: Member, value: string): Promise<void> {
  await settle()
  loads.at(-1)?.resolve(value)
  await settle()
}

/** Lets time pass in small steps, and what is due at each of them happen. */
export async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    clock.advance(Math.min(left, 50))
    await settle()
  }
}

/** An offload that does nothing before the test says so; `runAll` tells what failed. */
export function heldOffload(): {
  readonly offload: Offload
  readonly runAll: () => Promise<unknown[]>
} {
  const queued: (() => Promise<unknown>)[] = []
  const offload: Offload = {
    register: (task) => {
      queued.push(() => task.run(new AbortController().signal))
      return true
    },
  }
  return {
    offload,
    runAll: async () => {
      const ended = await Promise.allSettled(queued.splice(0).map((run) => run()))
      return ended.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []))
    },
  }
}
