import { createConnection, type Socket } from 'node:net'
import { type CommandWord, encodeCommand, type Reply, RespParser } from './resp.ts'

interface Waiting {
  readonly resolve: (reply: Reply) => void
  readonly reject: (error: unknown) => void
}

/** How long a command may take: a test that hangs says nothing. */
const TIMEOUT_MS = 10_000

/**
 * Talks to a server over its unix socket, so that it needs no TLS and meets no proxy. Connects when first used, and
 * keeps the process alive only while a command is under way.
 */
export class RespClient {
  readonly #path: string
  readonly #password: string | undefined
  #socket: Socket | undefined
  #waiting: Waiting[] = []

  constructor(path: string, password?: string) {
    this.#path = path
    this.#password = password
  }

  /** Rejects with the server's error, with that of the connection, or after ten seconds. */
  send(words: readonly CommandWord[]): Promise<Reply> {
    this.#socket ??= this.#connect()
    return this.#exchange(this.#socket, words)
  }

  close(): void {
    this.#drop(new Error('the server was stopped'))
  }

  #exchange(socket: Socket, words: readonly CommandWord[]): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      const late = (): void => this.#drop(new Error(`no reply within ${TIMEOUT_MS} ms`))
      const timer = setTimeout(late, TIMEOUT_MS)
      timer.unref()
      const done = (): void => clearTimeout(timer)
      this.#waiting.push({
        resolve: (reply) => {
          done()
          if (reply instanceof Error) reject(reply)
          else resolve(reply)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      })
      socket.ref()
      socket.write(encodeCommand(words))
    })
  }

  #connect(): Socket {
    const socket = createConnection({ path: this.#path })
    const parser = new RespParser()
    const lost = (error?: Error): void => {
      if (this.#socket === socket)
        this.#drop(error ?? new Error('the server closed the connection'))
    }
    socket.on('data', (chunk: Buffer) => {
      for (const reply of parser.push(chunk)) this.#waiting.shift()?.resolve(reply)
      if (this.#waiting.length === 0) socket.unref()
    })
    socket.on('error', lost)
    socket.on('close', () => lost())
    // A wrong password shows at the command that follows.
    if (this.#password !== undefined)
      this.#exchange(socket, ['AUTH', this.#password]).catch(() => {})
    return socket
  }

  #drop(error: Error): void {
    this.#socket?.destroy()
    this.#socket = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}
