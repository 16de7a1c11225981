import { type DurationInput, knownOptions, toTimeout, wholeNumber } from '@hitbox/core'
import { freePort } from './free-port.ts'
import { launch } from './launch.ts'
import { LocalCluster } from './local-cluster.ts'
import type { RedisServer } from './redis-server.ts'
import { startAll } from './start-all.ts'

/** What {@link startRedisCluster} starts. */
export interface RedisClusterOptions {
  /** @defaultValue 3, the fewest that can elect a new primary */
  readonly primaries?: number | undefined
  /** Replicas of each primary. @defaultValue 1 */
  readonly replicas?: number | undefined
  /** After how long a silent node counts as failed. @defaultValue `'1s'` */
  readonly nodeTimeout?: DurationInput | undefined
  /** More settings for each node, as arguments. @defaultValue none */
  readonly config?: readonly string[] | undefined
  /** Program to start. @defaultValue the environment's `HITBOX_REDIS_SERVER`, or else `redis-server` */
  readonly server?: string | undefined
}

/** A real cluster of this process's own. */
export interface RedisCluster extends AsyncDisposable {
  /** The primaries as they were at the start, then the replicas: the first replica of each primary, in the order of the primaries, and so on. */
  readonly nodes: readonly RedisServer[]
  /** The node that serves a key now, as most of the living nodes see it. */
  ownerOf(key: string): Promise<RedisServer>
  /** Resolves when all living nodes agree that the cluster is whole, and their replicas have a copy of everything: then one more may die. */
  settled(): Promise<void>
  /** Kills all nodes for good and removes their files. May be called again, without effect. */
  stop(): Promise<void>
}

const NAMES: readonly (keyof RedisClusterOptions)[] = [
  'primaries',
  'replicas',
  'nodeTimeout',
  'config',
  'server',
]

/**
 * Starts a real Redis Cluster on 127.0.0.1, and resolves when every node says it is whole and every replica is in sync.
 * Takes about two seconds.
 *
 * @example
 * ```ts
 * import { startRedisCluster } from '@hitbox/testing'
 *
 * const cluster = await startRedisCluster({ primaries: 3, replicas: 1 })
 * const owner = await cluster.ownerOf('user:42')
 * await owner.kill()
 * await cluster.settled()
 * console.log((await cluster.ownerOf('user:42')).port)
 * await cluster.stop()
 * ```
 * @throws {@link CacheError} `UNSUPPORTED` when the program is not there, `BACKEND_FAILED` when a node does not start,
 * `INVALID_OPTION` for an option that cannot be used.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  knownOptions('startRedisCluster', options, NAMES)
  const primaries = wholeNumber('primaries', options.primaries ?? 3, { min: 1, max: 100 })
  const replicas = wholeNumber('replicas', options.replicas ?? 1, { min: 0, max: 5 })
  const timeoutMs = toTimeout(options.nodeTimeout ?? '1s', 'nodeTimeout')
  const { config, server } = options
  const ours = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
  ours.push('--cluster-node-timeout', `${Math.ceil(timeoutMs)}`)
  ours.push('--cluster-allow-replica-migration', 'no', '--cluster-replica-validity-factor', '0')
  const prepare = async (): Promise<{ settings: string[] }> => ({
    settings: [...ours, '--cluster-port', `${await freePort()}`],
  })
  const nodes = await startAll(primaries * (1 + replicas), () =>
    launch({ config, server }, prepare),
  )
  const cluster = new LocalCluster(nodes)
  try {
    await cluster.form(primaries)
    return cluster
  } catch (error) {
    await cluster.stop()
    throw error
  }
}
