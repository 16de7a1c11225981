import { compose, type TierGuard, tierGuard } from '@hitbox/composition'
import { type CacheBackend, type Clock, type Coherence, systemClock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, type RedisBackendOptions, single } from '@hitbox/redis'
import { type Cache, type CacheOptions, createCache } from 'hitbox'

/** A part of the protocol that can be left out, to see that a check notices. */
export type Mechanism = 'registry' | 'lease' | 'fence'

/** How one cache is set up: as a service would, but for what is said here. */
export interface Setup {
  readonly redis?: Partial<RedisBackendOptions>
  readonly cache?: CacheOptions<number>
  readonly clock?: Clock
  /** @defaultValue memory above Redis */
  readonly memory?: boolean
  readonly without?: readonly Mechanism[]
}

/** Where a server can be reached: itself, or what stands before it. */
export type Address = string | { readonly host: string; readonly port: number }

/** Opens caches for a test, each a process of its own as far as Redis can tell, and closes them after it. */
export class Caches {
  readonly #open = new Set<Cache<number>>()

  open(address: Address, setup: Setup = {}): Cache<number> {
    const { clock = systemClock, without = [], memory = true } = setup
    const redis = redisBackend({
      connection: typeof address === 'string' ? single(address) : single(urlOf(address)),
      clock,
      ...setup.redis,
    })
    const cache = createCache<number>({
      tiers: memory ? tiersOf(redis, clock, without) : [redis],
      clock,
      ttl: '10m',
      ...setup.cache,
    })
    this.#open.add(cache)
    return cache
  }

  async close(cache: Cache<number>): Promise<void> {
    this.#open.delete(cache)
    await cache.close({ timeout: 0 })
  }

  async closeAll(): Promise<void> {
    const all = [...this.#open]
    this.#open.clear()
    await Promise.all(all.map((cache) => cache.close({ timeout: 0 })))
  }
}

export function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `redis://${host}:${port}`
}

function tiersOf(
  redis: CacheBackend,
  clock: Clock,
  without: readonly Mechanism[],
): readonly CacheBackend[] {
  const memory = memoryBackend({ maxEntries: 100_000, clock })
  if (without.length === 0) return [memory, redis]
  const guard = without.includes('registry') ? unguarded(tierGuard()) : tierGuard()
  return [compose(memory, disarmed(redis, without), { clock, guard })]
}

/** Lets copies through that a change has overtaken. */
function unguarded(guard: TierGuard): TierGuard {
  return replaced(guard, { mayFill: () => true })
}

function disarmed(tier: CacheBackend, without: readonly Mechanism[]): CacheBackend {
  const { coherence, leases } = tier
  return replaced(tier, {
    leases: without.includes('lease') ? undefined : leases,
    coherence:
      without.includes('fence') && coherence !== undefined ? unfenced(coherence) : coherence,
  })
}

/** Believes that everything has been told, whether or not it has. */
function unfenced(coherence: Coherence): Coherence {
  return replaced(coherence, {
    fence: Number.POSITIVE_INFINITY,
    fenceOf: () => Number.POSITIVE_INFINITY,
    barrier: () => Promise.resolve(),
    reached: () => true,
  })
}

/** The same object with other members. */
function replaced<T extends object>(original: T, members: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      if (name in members) return members[name as keyof T]
      const member: unknown = target[name as keyof T]
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
