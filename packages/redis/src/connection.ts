import type { ConnectionOptions } from 'node:tls'
import { invalidOption, knownOptions } from '@hitbox/core'
import type { ClusterPlan } from './cluster/cluster-topology.ts'
import {
  checkDatabase,
  type EndpointOptions,
  parseEndpoint,
  parseUrl,
  type Target,
} from './endpoint.ts'
import type { SentinelPlan } from './sentinel/sentinel-line.ts'
import { yesOrNo } from './yes-or-no.ts'
import { tlsOptions } from './tls-options.ts'
import type { RedisClientLike } from './user-line.ts'

/** What a backend is connected to. Made by {@link single}, {@link cluster}, {@link sentinel} or {@link client}; tells no secrets when logged. */
export interface RedisConnection {
  readonly mode: RedisPlan['mode']
}

/** What is behind a {@link RedisConnection}. */
export type RedisPlan =
  | { readonly mode: 'single'; readonly target: Target }
  | { readonly mode: 'cluster'; readonly target: Target; readonly cluster: ClusterPlan }
  | {
      readonly mode: 'sentinel'
      readonly target: Target
      readonly sentinel: SentinelPlan
      /** How to be let in by the sentinels. */
      readonly sentinelTarget: Target
      readonly sentinelTls: ConnectionOptions | undefined
    }
  | { readonly mode: 'client'; readonly client: RedisClientLike }

/** One server by its parts; what {@link redisBackend} is given of the same name wins. */
export interface SingleOptions extends EndpointOptions {
  /** Instead of the other options: `redis://user:password@host:port/database`, `rediss://`, or `redis+unix:///path?db=0`. */
  readonly url?: string | URL | undefined
  /** @defaultValue the default user */
  readonly username?: string | undefined
  /** @defaultValue none */
  readonly password?: string | undefined
  /** @defaultValue 0 */
  readonly database?: number | undefined
}

/**
 * One server, or one address behind which there is always a primary.
 *
 * @param server - A url (`redis://user:password@host:port/database`, `rediss://…`, `redis+unix:///path?db=0`; `valkey` for `redis`
 * is the same), or its parts.
 *
 * @example
 * ```ts
 * import { redisBackend, single } from '@hitbox/redis'
 *
 * export const byUrl = redisBackend({ connection: single('redis://localhost:6379/1') })
 * export const bySocket = redisBackend({ connection: single({ path: '/run/redis.sock' }) })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when it cannot be read. The url is not repeated: it may hold a password.
 */
export function single(server: string | URL | SingleOptions): RedisConnection {
  return connection({ mode: 'single', target: singleTarget(server) })
}

/** Options of {@link cluster}. */
export interface ClusterOptions {
  /** Lets replicas answer reads: they may be a little behind. While none is connected, primaries do. @defaultValue false */
  readonly readFromReplicas?: boolean | undefined
}

/**
 * A cluster, found through any of its nodes.
 *
 * @param nodes - One or more nodes to ask for the others: urls or parts. User and password of the first url that has them are
 * for all nodes, as are those given to {@link redisBackend}.
 *
 * @example
 * ```ts
 * import { cluster, redisBackend } from '@hitbox/redis'
 *
 * const connection = cluster(['redis://10.0.0.1:6379', 'redis://10.0.0.2:6379'], { readFromReplicas: true })
 * export const redis = redisBackend({ connection })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when there is no node or one cannot be read.
 */
export function cluster(
  nodes: readonly (string | URL | EndpointOptions)[],
  options: ClusterOptions = {},
): RedisConnection {
  knownOptions('cluster', options, ['readFromReplicas'])
  const targets = targetsOf('nodes', nodes)
  return connection({
    mode: 'cluster',
    target: sharedTarget(targets),
    cluster: {
      seeds: targets.map(({ endpoint }) => endpoint),
      readFromReplicas: yesOrNo('readFromReplicas', options.readFromReplicas),
    },
  })
}

/** How to be let in by the sentinels themselves; what is given to {@link redisBackend} is for the servers they watch. */
export interface SentinelOptions {
  /** @defaultValue that of the first url that has one, or the default user */
  readonly username?: string | undefined
  /** @defaultValue that of the first url that has one, or none */
  readonly password?: string | undefined
  /** `true`, or options of Node's `tls.connect`. @defaultValue no TLS but where a url says so */
  readonly tls?: boolean | ConnectionOptions | undefined
}

/**
 * The primary that sentinels watch, whichever server that is at the time.
 *
 * @param name - Under which the sentinels know it.
 * @param nodes - The sentinels: urls or parts; their default port is 26379. More than half of them should be reachable.
 *
 * @example
 * ```ts
 * import { redisBackend, sentinel } from '@hitbox/redis'
 *
 * const connection = sentinel('main', [{ host: '10.0.0.1', port: 26379 }, { host: '10.0.0.2', port: 26379 }])
 * export const redis = redisBackend({ connection, password: 'of the servers' })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when the name is empty, there is no sentinel, or one cannot be read.
 */
export function sentinel(
  name: string,
  nodes: readonly (string | URL | EndpointOptions)[],
  options: SentinelOptions = {},
): RedisConnection {
  knownOptions('sentinel', options, ['username', 'password', 'tls'])
  if (typeof name !== 'string' || name === '') {
    throw invalidOption('name', 'the name of a primary', typeof name)
  }
  const targets = targetsOf('nodes', nodes, SENTINEL_PORT)
  const shared = sharedTarget(targets)
  return connection({
    mode: 'sentinel',
    target: { endpoint: shared.endpoint, tls: false },
    sentinel: { name, sentinels: targets.map(({ endpoint }) => endpoint) },
    sentinelTarget: {
      ...shared,
      database: undefined,
      username: options.username ?? shared.username,
      password: options.password ?? shared.password,
    },
    sentinelTls: tlsOptions(options.tls, shared.tls),
  })
}

/**
 * A client of your own, made with `createClient` of node-redis and connected by you. It is used, and never closed or destroyed:
 * a connection that hangs stays so until you end it, while each operation still fails in its time.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is no such client.
 */
export function client(yours: RedisClientLike): RedisConnection {
  const usable =
    typeof yours === 'object' &&
    yours !== null &&
    typeof yours.isOpen === 'boolean' &&
    typeof yours.isReady === 'boolean' &&
    typeof yours.sendCommand === 'function' &&
    typeof yours.on === 'function' &&
    // Clusters and sentinels take other arguments.
    !('slots' in yours) &&
    !('getMasterNode' in yours)
  if (!usable) throw invalidOption('client', "a client of node-redis's createClient()", yours)
  return connection({ mode: 'client', client: yours })
}

const SENTINEL_PORT = 26_379
const PLAN = Symbol('plan')

/** Reads what {@link single} and the others made. @throws {@link CacheError} `INVALID_OPTION`. */
export function planOf(made: unknown): RedisPlan {
  const plan = (made as { readonly [PLAN]?: () => RedisPlan } | undefined | null)?.[PLAN]
  if (typeof plan === 'function') return plan()
  throw invalidOption('connection', 'made by single(), cluster(), sentinel() or client()', made)
}

function connection(plan: RedisPlan): RedisConnection {
  const made = { mode: plan.mode }
  // Behind a function, where no inspection looks.
  Object.defineProperty(made, PLAN, { value: () => plan })
  return Object.freeze(made)
}

const SINGLE_OPTIONS = ['url', 'host', 'port', 'path', 'username', 'password', 'database']
const ENDPOINT_OPTIONS = ['host', 'port', 'path']

function singleTarget(server: string | URL | SingleOptions): Target {
  if (isUrl(server)) return parseUrl(String(server), 'url')
  knownOptions('single', server, SINGLE_OPTIONS)
  const { url, username, password, database, ...place } = server
  if (url !== undefined && Object.values(place).some((part) => part !== undefined)) {
    throw invalidOption('single', 'a url, or host, port or path', 'both')
  }
  if (url !== undefined && !isUrl(url)) throw invalidOption('url', 'a text or a URL', typeof url)
  const target: Target =
    url === undefined
      ? { endpoint: parseEndpoint(place, 'single'), tls: false }
      : parseUrl(String(url), 'url')
  return {
    ...target,
    username: username ?? target.username,
    password: password ?? target.password,
    database: database === undefined ? target.database : checkDatabase(database, 'database'),
  }
}

function targetsOf(
  option: string,
  nodes: readonly (string | URL | EndpointOptions)[],
  port?: number,
): readonly Target[] {
  if (!Array.isArray(nodes) || nodes.length === 0) {
    throw invalidOption(option, 'a list with at least one node', nodes)
  }
  return (nodes as readonly (string | URL | EndpointOptions)[]).map((node, index): Target => {
    const name = `${option}[${index}]`
    if (isUrl(node)) return parseUrl(String(node), name, port)
    knownOptions(name, node, ENDPOINT_OPTIONS)
    return { endpoint: parseEndpoint(node, name, port), tls: false }
  })
}

/** What holds for all nodes. */
function sharedTarget(targets: readonly Target[]): Target {
  const [first] = targets as readonly [Target]
  const { username, password } = targets.find((target) => target.password !== undefined) ?? first
  return { ...first, username, password, tls: targets.some(({ tls }) => tls) }
}

function isUrl(server: unknown): server is string | URL {
  return typeof server === 'string' || server instanceof URL
}
