import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CacheError, knownOptions, wholeNumber } from '@hitbox/core'
import { until } from '../until.ts'
import { freePort } from './free-port.ts'
import { type CommandWord, type Reply, replyText } from './resp.ts'
import { RespClient } from './resp-client.ts'
import { ServerProcess } from './server-process.ts'
import { serverProgram } from './server-program.ts'
import { makeTlsFiles, type TlsFiles } from './tls-files.ts'

/** A further user of the server. */
export interface AclUser {
  readonly name: string
  readonly password: string
  /** Rules as an ACL file has them. @defaultValue `'~* &* +@all'`: may do everything */
  readonly rules?: string | undefined
}

export interface RedisOptions {
  /** @defaultValue a free one; another when somebody else was faster */
  readonly port?: number | undefined
  /** Password of the default user. @defaultValue none */
  readonly password?: string | undefined
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
  const program = serverProgram(options.server)
  const folder = await mkdtemp(join(tmpdir(), 'hitbox-redis-'))
  try {
    const tls = options.tls === true ? await makeTlsFiles(folder) : undefined
    const settings = await settingsOf(options, folder, tls)
    for (let attempt = 1; ; attempt += 1) {
      const port = options.port ?? (await freePort())
      const server = new LocalRedis(program, folder, port, settings, tls, options.password)
      const trouble = await server.start()
      if (trouble === undefined) return server
      if (!PORT_TAKEN.test(trouble) || attempt === ATTEMPTS) throw startFailed(trouble)
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

const PORT_TAKEN = /address already in use/i
const ATTEMPTS = 20

async function settingsOf(
  options: RedisOptions,
  folder: string,
  tls: TlsFiles | undefined,
): Promise<readonly string[]> {
  const { password, aclUsers = [], maxMemory, maxMemoryPolicy, config = [] } = options
  const settings = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0']
  if (aclUsers.length > 0) {
    // An ACL file replaces what requirepass says, so the default user stands in it too.
    const own = password === undefined ? 'nopass' : hash(password)
    const lines = [`user default on ${own} ~* &* +@all`]
    for (const user of aclUsers)
      lines.push(`user ${user.name} on ${hash(user.password)} ${user.rules ?? '~* &* +@all'}`)
    await writeFile(join(folder, 'users.acl'), `${lines.join('\n')}\n`)
    settings.push('--aclfile', join(folder, 'users.acl'))
  } else if (password !== undefined) settings.push('--requirepass', password)
  if (tls !== undefined) {
    settings.push('--tls-ca-cert-file', tls.caPath, '--tls-cert-file', tls.certPath)
    settings.push('--tls-key-file', tls.keyPath, '--tls-auth-clients', 'no')
  }
  if (maxMemory !== undefined) settings.push('--maxmemory', maxMemory)
  if (maxMemoryPolicy !== undefined) settings.push('--maxmemory-policy', maxMemoryPolicy)
  return [...settings, ...config]
}

/** A password as an ACL file takes it, whatever characters it has. */
function hash(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`
}

class LocalRedis implements RedisServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string
  readonly unixSocket: string
  readonly tls: TlsFiles | undefined
  readonly #command: readonly string[]
  readonly #folder: string
  readonly #client: RespClient
  #process: ServerProcess | undefined

  constructor(
    program: string,
    folder: string,
    port: number,
    settings: readonly string[],
    tls: TlsFiles | undefined,
    password: string | undefined,
  ) {
    this.port = port
    this.tls = tls
    this.#folder = folder
    this.unixSocket = join(folder, 'redis.sock')
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    this.url = `${tls === undefined ? 'redis' : 'rediss'}://${user}${this.host}:${port}`
    const ports =
      tls === undefined ? ['--port', `${port}`] : ['--port', '0', '--tls-port', `${port}`]
    const place = ['--bind', this.host, '--unixsocket', this.unixSocket, '--dir', folder]
    this.#command = [program, ...ports, ...place, ...settings]
    this.#client = new RespClient(this.unixSocket, password)
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** @returns what the server said when it did not come up. */
  async start(): Promise<string | undefined> {
    const server = await ServerProcess.start(this.#command, this.#folder)
    this.#process = server
    const answered = await until('the server answers', async () => {
      if (!server.running) return 'gone'
      return (await this.command('PING')) === 'PONG' && 'up'
    })
    return answered === 'up' ? undefined : server.log()
  }

  async command(...words: readonly CommandWord[]): Promise<Reply> {
    return replyText(await this.#client.send(words))
  }

  commandBytes(...words: readonly CommandWord[]): Promise<Reply> {
    return this.#client.send(words)
  }

  async commandCalls(): Promise<Readonly<Record<string, number>>> {
    const text = String(await this.command('INFO', 'commandstats'))
    const lines = text.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)
    return Object.fromEntries(Array.from(lines, ([, name, calls]) => [name, Number(calls)]))
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
    this.#client.close()
  }

  pause(): void {
    this.#process?.signal('SIGSTOP')
  }

  resume(): void {
    this.#process?.signal('SIGCONT')
  }

  async restart(): Promise<void> {
    await this.#process?.end('SIGTERM')
    this.#client.close()
    for (let attempt = 1; ; attempt += 1) {
      const trouble = await this.start()
      if (trouble === undefined) return
      if (!PORT_TAKEN.test(trouble) || attempt === ATTEMPTS) throw startFailed(trouble)
    }
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

function startFailed(log: string): CacheError<'BACKEND_FAILED'> {
  const said = log.trim().split('\n').slice(-5).join('\n')
  const details = { source: 'redis-server', operation: 'connect' } as const
  return new CacheError('BACKEND_FAILED', `the server did not start: ${said}`, { details })
}
