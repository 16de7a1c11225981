import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type DurationInput, knownOptions, toTimeout, wholeNumber } from '@hitbox/core'
import { launch } from './launch.ts'
import { LocalSentinel } from './local-sentinel.ts'
import type { RedisServer } from './redis-server.ts'
import { startAll, stopAll } from './start-all.ts'

/** What {@link startRedisSentinel} starts. */
export interface RedisSentinelOptions {
  /** Name under which the sentinels know the primary. @defaultValue `'hitbox'` */
  readonly name?: string | undefined
  /** @defaultValue 2 */
  readonly replicas?: number | undefined
  /** After how long a silent primary counts as down. @defaultValue `'500ms'` */
  readonly downAfter?: DurationInput | undefined
  /** Password of the data nodes; the sentinels themselves have none. @defaultValue none */
  readonly password?: string | undefined
  /** More settings for each data node, as arguments. @defaultValue none */
  readonly config?: readonly string[] | undefined
  /** Program to start. @defaultValue the environment's `HITBOX_REDIS_SERVER`, or else `redis-server` */
  readonly server?: string | undefined
}

/** A real primary with replicas, watched by three sentinels, of this process's own. */
export interface RedisSentinel extends AsyncDisposable {
  /** Name of the primary, for clients. */
  readonly name: string
  readonly sentinels: readonly RedisServer[]
  /** The data nodes: the primary as it was at the start, then the replicas. */
  readonly nodes: readonly RedisServer[]
  /** The node that is the primary now: the one most sentinels name, and which says so itself. Waits while there is none. */
  primary(): Promise<RedisServer>
  /** Resolves when there is a primary, all living replicas have a copy of everything in it, and the sentinels know of all of them: then one more may die. */
  settled(): Promise<void>
  /** Kills all processes for good and removes their files. May be called again, without effect. */
  stop(): Promise<void>
}

const NAMES: readonly (keyof RedisSentinelOptions)[] = [
  'name',
  'replicas',
  'downAfter',
  'password',
  'config',
  'server',
]

/**
 * Makes sentinels look around more often than a deployment wants. They otherwise take ten seconds to notice a node that
 * came back, and reconnect once a second, so that a shorter `downAfter` would have them fail over again and again.
 *
 * Not more often than this: who is to become primary must have been heard of within five `ping-period`s, and while there is no
 * primary, replicas are asked about themselves once a second, whatever `info-period` says.
 */
const HASTE =
  'ping-period 250 info-period 300 publish-period 200 ask-period 100 min-link-reconnect-period 50'.split(
    ' ',
  )

/**
 * Starts one primary, its replicas and three sentinels on 127.0.0.1, and resolves when a failover would work.
 * Takes about a second, a failover about two: the sentinels are told to look around more often than usual.
 *
 * @example
 * ```ts
 * import { startRedisSentinel } from '@hitbox/testing'
 *
 * const trio = await startRedisSentinel()
 * await (await trio.primary()).kill()
 * console.log((await trio.primary()).port)
 * await trio.stop()
 * ```
 * @throws {@link CacheError} `UNSUPPORTED` when the program is not there, `BACKEND_FAILED` when a process does not start,
 * `INVALID_OPTION` for an option that cannot be used.
 */
export async function startRedisSentinel(
  options: RedisSentinelOptions = {},
): Promise<RedisSentinel> {
  knownOptions('startRedisSentinel', options, NAMES)
  const replicas = wholeNumber('replicas', options.replicas ?? 2, { min: 1, max: 10 })
  const downAfterMs = Math.ceil(toTimeout(options.downAfter ?? '500ms', 'downAfter'))
  const { name = 'hitbox', password, config = [], server } = options
  const auth = password === undefined ? [] : ['--masterauth', password]
  const nodes: RedisServer[] = await startAll(1 + replicas, () =>
    launch({ password, server, config: [...auth, ...config] }),
  )
  const [primary, ...others] = nodes as [RedisServer, ...RedisServer[]]
  const watch = [
    `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} ${Math.max(3_000, 4 * downAfterMs)}`,
    ...(password === undefined ? [] : [`sentinel auth-pass ${name} "${password}"`]),
  ]
  const prepare = async (folder: string): Promise<{ file: string; settings: string[] }> => {
    const file = join(folder, 'sentinel.conf')
    await writeFile(file, `${watch.join('\n')}\n`)
    return { file, settings: ['--sentinel'] }
  }
  const started: RedisServer[] = [...nodes]
  try {
    for (const node of others) await node.command('REPLICAOF', primary.host, primary.port)
    const sentinels = await startAll(3, () => launch({ server }, prepare))
    started.push(...sentinels)
    await Promise.all(sentinels.map((sentinel) => sentinel.command('SENTINEL', 'DEBUG', ...HASTE)))
    const group = new LocalSentinel(name, sentinels, nodes)
    await group.settled()
    return group
  } catch (error) {
    await stopAll(started)
    throw error
  }
}
