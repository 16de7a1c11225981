import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../until.ts'
import type { RedisServer } from './redis-server.ts'
import { type CommandWord, type Reply, replyText } from './resp.ts'
import { RespClient } from './resp-client.ts'
import { ServerProcess } from './server-process.ts'
import type { TlsFiles } from './tls-files.ts'

/** Where a server runs, and with what. */
export interface LocalRedisPlace {
  /** Program and arguments, without port and folder. */
  readonly command: readonly string[]
  /** Of this server only; removed when it stops. */
  readonly folder: string
  readonly port: number
  readonly tls: TlsFiles | undefined
  readonly password: string | undefined
}

/** Why a server did not come up. */
export interface StartTrouble {
  readonly log: string
  readonly portTaken: boolean
}

export class LocalRedis implements RedisServer {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string
  readonly unixSocket: string
  readonly tls: TlsFiles | undefined
  readonly #command: readonly string[]
  readonly #folder: string
  readonly #client: RespClient
  #process: ServerProcess | undefined
  #frozen = false

  constructor({ command, folder, port, tls, password }: LocalRedisPlace) {
    this.port = port
    this.tls = tls
    this.#folder = folder
    this.unixSocket = join(folder, 'redis.sock')
    const user = password === undefined ? '' : `:${encodeURIComponent(password)}@`
    this.url = `${tls === undefined ? 'redis' : 'rediss'}://${user}${this.host}:${port}`
    const ports = tls === undefined ? [`${port}`] : ['0', '--tls-port', `${port}`]
    const place = ['--bind', this.host, '--unixsocket', this.unixSocket, '--dir', folder]
    this.#command = [...command, ...place, '--port', ...ports]
    this.#client = new RespClient(this.unixSocket, password)
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  get running(): boolean {
    return this.#process?.running === true && !this.#frozen
  }

  /** @returns what stood in the way when it did not come up. */
  async start(): Promise<StartTrouble | undefined> {
    const server = await ServerProcess.start(this.#command, this.#folder)
    this.#process = server
    this.#frozen = false
    const state = await until('the server answers', async () => {
      if (!server.running) return 'gone'
      return (await this.command('PING')) === 'PONG' && 'up'
    })
    if (state === 'up') return undefined
    const log = await server.log()
    return { log, portTaken: /address already in use/i.test(log) }
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
    this.#frozen = true
  }

  resume(): void {
    this.#process?.signal('SIGCONT')
    this.#frozen = false
  }

  async restart(): Promise<void> {
    await this.#process?.end('SIGTERM')
    this.#client.close()
    // Should somebody hold the port for a moment, it will be free again.
    await until('the server is up again', async () => {
      const trouble = await this.start()
      if (trouble === undefined) return true
      throw new Error(`the server did not start again: ${trouble.log}`)
    })
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
