import { compose } from '@hitbox/composition'
import { type CacheBackend, type Clock, systemClock } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, type RedisBackendOptions, single } from '@hitbox/redis'
import { type Cache, type CacheOptions, createCache } from 'hitbox'
import { disarmed, guardWithout, type Mechanism } from '../../src/disarmed.ts'

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
  const guard = guardWithout(without)
  return [compose(memory, disarmed(redis, without), { clock, guard })]
}
