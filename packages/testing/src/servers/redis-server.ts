import { knownOptions, wholeNumber } from '@hitbox/core'
import { launch } from './launch.ts'
import type { CommandWord, Reply } from './resp.ts'
import type { TlsFiles } from './tls-files.ts'

/** A further user of the server. */
export interface AclUser {
  readonly name: string
  readonly password: string
  /** Rules as an ACL file has them. @defaultValue `'~* &* +@all'`: may do everything */
  readonly rules?: string | undefined
}

/** What {@link startRedis} starts. */
export interface RedisOptions {
  /** @defaultValue a free one */
  readonly port?: number | undefined
  /** Password of the default user. @defaultValue none */
  readonly password?: string | undefined
  /** @defaultValue none but the default user */
  readonly aclUsers?: readonly AclUser[] | undefined
  /** Encrypts the port, and leaves no plain one; the unix socket stays as it is. Needs `openssl`. @defaultValue `false` */
  readonly tls?: boolean | undefined
  /** As the server's own setting, for example `'10mb'`. @defaultValue no limit */
  readonly maxMemory?: string | undefined
  /** As the server's own setting, for example `'allkeys-lru'`. @defaultValue the server's: `noeviction` */
  readonly maxMemoryPolicy?: string | undefined
  /** More settings as arguments, for example `['--appendonly', 'yes']`; they win over ours. @defaultValue none */
  readonly config?: readonly string[] | undefined
  /** Program to start. @defaultValue the environment's `HITBOX_REDIS_SERVER`, or else `redis-server` */
  readonly server?: string | undefined
}

/** A real server of this process's own. It ends with this process, and does not keep it alive. */
export interface RedisServer extends AsyncDisposable {
  /** For clients, with the default user's password; begins with `rediss:` when encrypted. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Path of a unix socket, never encrypted. */
  readonly unixSocket: string
  /** Process id of the server that was started last. */
  readonly pid: number
  /** Whether the process is there and not frozen. */
  readonly running: boolean
  /** What a client needs when the port is encrypted. */
  readonly tls: TlsFiles | undefined
  /** Runs one command over the unix socket, so past TLS and proxies. Bulk replies are text; the server's errors reject. */
  command(...words: readonly CommandWord[]): Promise<Reply>
  /** {@link command} with bulk replies as bytes. */
  commandBytes(...words: readonly CommandWord[]): Promise<Reply>
  /** How often each command ran since the start, by its name in lower case; what tests ask for themselves is in it. */
  commandCalls(): Promise<Readonly<Record<string, number>>>
  /** Kills the process (`SIGKILL`) and resolves when it is gone. */
  kill(): Promise<void>
  /** Freezes the process (`SIGSTOP`): connections stay open and nothing answers. */
  pause(): void
  /** Lets a frozen process go on (`SIGCONT`). */
  resume(): void
  /** Starts the server again on the same port and data, ending it first when it runs. */
  restart(): Promise<void>
  /** Kills the server for good and removes its files. May be called again, without effect. */
  stop(): Promise<void>
}

const NAMES: readonly (keyof RedisOptions)[] = [
  'port',
  'password',
  'aclUsers',
  'tls',
  'maxMemory',
  'maxMemoryPolicy',
  'config',
  'server',
]

/**
 * Starts a real Redis, or a server that behaves like one, on 127.0.0.1, and resolves when it answers. Nothing is written to
 * disk unless `config` says so.
 *
 * @example
 * ```ts
 * import { startRedis } from '@hitbox/testing'
 *
 * const server = await startRedis()
 * console.log(server.url, await server.command('PING'))
 * await server.stop()
 * ```
 * @throws {@link CacheError} `UNSUPPORTED` when the program is not there, `BACKEND_FAILED` when it does not start,
 * `INVALID_OPTION` for an option that cannot be used.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  knownOptions('startRedis', options, NAMES)
  if (options.port !== undefined) wholeNumber('port', options.port, { min: 1, max: 65_535 })
  return launch(options)
}
