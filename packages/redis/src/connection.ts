import { invalidOption, knownOptions } from '@hitbox/core'
import {
  checkDatabase,
  type EndpointOptions,
  parseEndpoint,
  parseUrl,
  type Target,
} from './endpoint.ts'
import type { RedisClientLike } from './user-line.ts'

/** What a backend is connected to. Made by {@link single}, {@link cluster}, {@link sentinel} or {@link client}; tells no secrets when logged. */
export interface RedisConnection {
  readonly mode: RedisPlan['mode']
}

/** What is behind a {@link RedisConnection}. */
export type RedisPlan =
  | { readonly mode: 'single'; readonly target: Target }
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
  return connection({ mode: 'single', target: targetOf(server) })
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

function targetOf(server: string | URL | SingleOptions): Target {
  if (typeof server === 'string' || server instanceof URL) return parseUrl(text(server), 'url')
  knownOptions('single', server, SINGLE_OPTIONS)
  const { url, username, password, database, ...place } = server
  const target: Target =
    url === undefined
      ? { endpoint: parseEndpoint(place, 'single'), tls: false }
      : parseUrl(text(url), 'url')
  if (url !== undefined && Object.values(place).some((part) => part !== undefined)) {
    throw invalidOption('single', 'a url, or host, port or path', 'both')
  }
  return {
    ...target,
    username: username ?? target.username,
    password: password ?? target.password,
    database: database === undefined ? target.database : checkDatabase(database, 'database'),
  }
}

function text(url: unknown): string {
  if (typeof url === 'string') return url
  if (url instanceof URL) return url.href
  throw invalidOption('url', 'a text or a URL', typeof url)
}
