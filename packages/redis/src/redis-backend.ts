import { type CacheBackend, liftBackend, type StoreKey } from '@hitbox/core'
import { ClusterTopology } from './cluster/cluster-topology.ts'
import { dial } from './dial.ts'
import { HashLayout } from './hash-layout.ts'
import type { Layout } from './layout.ts'
import { Link } from './link.ts'
import { type RedisBackendOptions, resolveOptions, type Resolved } from './options.ts'
import { OneLine } from './one-line.ts'
import { SentinelLine } from './sentinel/sentinel-line.ts'
import { RedisStore } from './store.ts'
import { StringLayout } from './string-layout.ts'
import type { Topology } from './topology.ts'
import { UserLine } from './user-line.ts'

/**
 * Keeps values in Redis or Valkey, shared by every process that connects to it.
 *
 * Nothing is connected before the first operation, and nothing outlives `responseTimeout`: an operation on a server that stands
 * still, is gone or never answers fails with `TIMEOUT` or `BACKEND_FAILED`, and the first one after it has come back succeeds.
 *
 * @example
 * ```ts
 * import { cacheValue } from '@hitbox/core'
 * import { redisBackend, single } from '@hitbox/redis'
 *
 * const redis = redisBackend({ connection: single('redis://localhost:6379'), responseTimeout: '300ms' })
 * await redis.set('user:1', cacheValue({ name: 'Ada' }, { ttl: '10m', staleAfter: '1m' }))
 * console.log((await redis.get('user:1'))?.data) // { name: 'Ada' }
 * await redis.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option cannot be used.
 */
export function redisBackend(options: RedisBackendOptions): CacheBackend {
  const resolved = resolveOptions(options)
  const { keyFormat, valueFormat, compressor, settings, lift } = resolved
  const layout = (timeKnown: (key: StoreKey) => boolean): Layout =>
    resolved.layout === 'hash'
      ? new HashLayout(settings.clock)
      : new StringLayout(settings.clock, keyFormat, timeKnown)
  const topology = topologyOf(resolved)
  const store = new RedisStore({ topology, layout, keyFormat, valueFormat, compressor, settings })
  return liftBackend(store, lift)
}

function topologyOf({ plan, access, sentinelAccess, settings }: Resolved): Topology {
  switch (plan.mode) {
    case 'single': {
      const { endpoint } = plan.target
      return new OneLine(new Link((call) => dial(endpoint, access, settings.clock, call), settings))
    }
    case 'cluster':
      return new ClusterTopology(plan.cluster, access, settings)
    case 'sentinel':
      return new OneLine(new SentinelLine(plan.sentinel, sentinelAccess, access, settings))
    case 'client':
      return new OneLine(new UserLine(plan.client, settings))
    default:
      return plan satisfies never
  }
}
