import type { CacheBackend } from '@hitbox/core'
import { type ManualClock, manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../src/index.ts'
import { memory, remote, turn } from './support/setup.ts'

const TTL = 60_000
const STALE_AFTER = 20_000
const STALE_IF_ERROR = 40_000
const RETRY_AFTER = 1_000

interface Kept {
  value: number
  staleAt: number
  usableUntil: number
  keptUntil: number
}

/** What the cache promises, told as simply as can be: one caller at a time, everything behind done at once. */
class Model {
  now = 0
  down = false
  made = 0
  hits = 0
  stale = 0
  misses = 0
  readonly entries = new Map<string, Kept>()
  readonly failures = new Map<string, { streak: number; retryAt: number }>()

  set(key: string, value: number): void {
    this.failures.delete(key)
    this.entries.set(key, {
      value,
      staleAt: this.now + STALE_AFTER,
      usableUntil: this.now + TTL,
      keptUntil: this.now + TTL + STALE_IF_ERROR,
    })
  }

  delete(key: string): boolean {
    this.failures.delete(key)
    const found = this.#find(key) !== undefined
    this.entries.delete(key)
    return found
  }

  expire(key: string): boolean {
    this.failures.delete(key)
    const entry = this.#find(key)
    if (entry !== undefined) entry.staleAt = Math.min(entry.staleAt, this.now)
    return entry !== undefined
  }

  get(key: string): number | undefined {
    const entry = this.#find(key)
    if (entry === undefined || entry.usableUntil <= this.now) {
      this.misses += 1
      return undefined
    }
    this.#count(entry)
    return entry.value
  }

  getOrLoad(key: string): number | 'failed' {
    const entry = this.#find(key)
    if (entry !== undefined && entry.staleAt > this.now) {
      this.#count(entry)
      return entry.value
    }
    const resting = this.now < (this.failures.get(key)?.retryAt ?? 0)
    if (entry !== undefined && (resting || entry.usableUntil > this.now)) {
      this.stale += 1
      const { value } = entry
      if (!resting) this.#load(key, true)
      return value
    }
    const loaded = this.#load(key, entry !== undefined)
    if (loaded !== 'failed' || entry === undefined) {
      this.misses += 1
      return loaded
    }
    this.stale += 1
    return entry.value
  }

  #load(key: string, held: boolean): number | 'failed' {
    if (!this.down) {
      this.made += 1
      this.set(key, this.made)
      return this.made
    }
    if (held) {
      const streak = (this.failures.get(key)?.streak ?? 0) + 1
      const retryAt = this.now + RETRY_AFTER * 2 ** Math.min(streak - 1, 5)
      this.failures.set(key, { streak, retryAt })
    }
    return 'failed'
  }

  #count(entry: Kept): void {
    if (entry.staleAt > this.now) this.hits += 1
    else this.stale += 1
  }

  #find(key: string): Kept | undefined {
    const entry = this.entries.get(key)
    return entry !== undefined && entry.keptUntil > this.now ? entry : undefined
  }
}

interface Real {
  readonly cache: Cache<number>
  readonly clock: ManualClock
  made: number
  down: boolean
}

type Command = fc.AsyncCommand<Model, Real>

/** A command that does something to both and compares what they say. */
function command(
  name: string,
  model: (model: Model) => unknown,
  real: (real: Real) => Promise<unknown>,
): Command {
  return {
    check: () => true,
    async run(m, r) {
      const answer = await real(r)
      await turn()
      expect(answer).toEqual(model(m))
      const { hits, stale, misses, calls, inFlight } = r.cache.stats()
      expect({ hits, stale, misses }).toEqual({ hits: m.hits, stale: m.stale, misses: m.misses })
      expect(calls).toBe(hits + stale + misses)
      expect(inFlight).toBe(0)
      expect(r.made).toBe(m.made)
    },
    toString: () => name,
  }
}

function make(real: Real): number {
  if (real.down) throw new Error('down')
  real.made += 1
  return real.made
}

const orFailed = <T>(call: Promise<T>): Promise<T | 'failed'> => call.catch(() => 'failed' as const)
const unique = (keys: readonly string[]): string[] => [...new Set(keys)]
const key = fc.constantFrom('a', 'b', 'c')
const keys = fc.array(key, { maxLength: 4 })

const commands: fc.Arbitrary<Command>[] = [
  key.map((k) =>
    command(
      `getOrLoad ${k}`,
      (m) => m.getOrLoad(k),
      (r) => orFailed(r.cache.getOrLoad(k, () => make(r))),
    ),
  ),
  key.map((k) =>
    command(
      `get ${k}`,
      (m) => m.get(k),
      (r) => r.cache.get(k),
    ),
  ),
  keys.map((ks) =>
    command(
      `getMany ${ks.join()}`,
      (m) => {
        const found = new Map(unique(ks).map((k) => [k, m.get(k)]))
        return ks.map((k) => found.get(k))
      },
      (r) => r.cache.getMany(ks),
    ),
  ),
  keys.map((ks) =>
    command(
      `getOrLoadMany ${ks.join()}`,
      (m) => {
        // What is missing is loaded before what is refreshed behind.
        const order = unique(ks).toSorted((x, y) => Number(isUsable(m, x)) - Number(isUsable(m, y)))
        const found = new Map(order.map((k) => [k, m.getOrLoad(k)]))
        return ks.map((k) => found.get(k))
      },
      async (r) => {
        const results = await r.cache.getOrLoadMany.settled(ks, (missing) =>
          missing.map(() => make(r)),
        )
        return results.map((result) => (result.ok ? result.value : 'failed'))
      },
    ),
  ),
  fc.tuple(key, fc.integer({ min: -9, max: -1 })).map(([k, value]) =>
    command(
      `set ${k} ${value}`,
      (m) => m.set(k, value),
      (r) => r.cache.set(k, value),
    ),
  ),
  key.map((k) =>
    command(
      `delete ${k}`,
      (m) => m.delete(k),
      (r) => r.cache.delete(k),
    ),
  ),
  key.map((k) =>
    command(
      `expire ${k}`,
      (m) => m.expire(k),
      (r) => r.cache.expire(k),
    ),
  ),
  fc.constantFrom(1, 999, 1_000, 5_000, 19_999, 20_000, 40_000, 60_000).map((ms) =>
    command(
      `advance ${ms}`,
      (m) => {
        m.now += ms
      },
      async (r) => r.clock.advance(ms),
    ),
  ),
  fc.boolean().map((down) =>
    command(
      down ? 'the source fails' : 'the source works',
      (m) => {
        m.down = down
      },
      async (r) => {
        r.down = down
      },
    ),
  ),
]

function isUsable(m: Model, k: string): boolean {
  const entry = m.entries.get(k)
  if (entry === undefined || entry.keptUntil <= m.now) return false
  return entry.usableUntil > m.now || m.now < (m.failures.get(k)?.retryAt ?? 0)
}

const TIERS: readonly (readonly [string, (clock: ManualClock) => readonly CacheBackend[]])[] = [
  ['memory', (clock) => [memory(clock)]],
  ['memory over a remote tier', (clock) => [memory(clock), remote(clock)]],
  ['one remote tier', (clock) => [remote(clock)]],
  ['two tiers in memory', (clock) => [memory(clock), memory(clock, 'below')]],
]

describe('a cache does what a simple model says', () => {
  it.each(TIERS)('over %s', { timeout: 60_000 }, async (_, tiers) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (run) => {
        const clock = manualClock()
        const cache = createCache<number>({
          clock,
          tiers: tiers(clock),
          ttl: '60s',
          staleAfter: '20s',
          staleIfError: '40s',
        })
        const real: Real = { cache, clock, made: 0, down: false }
        try {
          await fc.asyncModelRun(() => ({ model: new Model(), real }), run)
        } finally {
          await cache.close({ timeout: 0 })
        }
      }),
      { numRuns: 150 },
    )
  })
})
