import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import type { RedisServer } from '@hitbox/testing'

/** What a proxy does that a network does not. */
export interface TinyProxy {
  readonly host: string
  readonly port: number
  /** Holds back what those clients say that are there now, also when they are gone by then. Others pass. */
  hold(): void
  /** Lets it pass, and resolves when the server has ended the connections of those that are gone. */
  pass(): Promise<void>
  /** Lets the next thing that a client says pass up to a word only, until it is told to go on. Resolves when it has come to that. */
  cutBefore(word: string): { readonly reached: Promise<void>; readonly go: () => void }
  close(): Promise<void>
}

/**
 * A proxy that understands the protocol a little.
 *
 * @param swallows - What it keeps to itself: nothing, or what the server says unasked.
 */
export async function tinyProxy(
  server: RedisServer,
  swallows: 'nothing' | 'pushes',
): Promise<TinyProxy> {
  const sockets = new Set<Socket>()
  const connections = new Set<Connection>()
  let cut: Cut | undefined
  const proxy = createServer((client) => {
    const upstream = createConnection({ host: server.host, port: server.port })
    const connection: Connection = { client, upstream, held: undefined }
    connections.add(connection)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    client.on('data', (chunk) => {
      const at = cut === undefined ? -1 : chunk.indexOf(cut.word)
      if (connection.held !== undefined) connection.held.push(chunk)
      else if (cut === undefined || at === -1) upstream.write(chunk)
      else {
        const { reach, gone } = cut
        cut = undefined
        upstream.write(chunk.subarray(0, at))
        connection.held = [chunk.subarray(at)]
        reach()
        void gone.then(() => {
          for (const part of connection.held ?? []) upstream.write(part)
          connection.held = undefined
        })
      }
    })
    client.on('close', () => {
      if (connection.held === undefined) upstream.end()
    })
    const frames = new Frames()
    upstream.on('data', (chunk) => {
      if (swallows === 'nothing') client.write(chunk)
      else for (const frame of frames.push(chunk)) if (frame[0] !== PUSH) client.write(frame)
    })
    upstream.on('close', () => {
      connections.delete(connection)
      client.destroy()
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxy.unref()
  return {
    host: '127.0.0.1',
    port: (proxy.address() as AddressInfo).port,
    hold: () => {
      for (const connection of connections) connection.held = []
    },
    pass: async () => {
      const gone: Promise<unknown>[] = []
      for (const connection of connections) {
        const { client, upstream, held = [] } = connection
        connection.held = undefined
        for (const chunk of held) upstream.write(chunk)
        if (!client.destroyed) continue
        gone.push(once(upstream, 'close'))
        upstream.end()
      }
      await Promise.all(gone)
    },
    cutBefore: (word) => {
      let go = (): void => undefined
      const gone = new Promise<void>((resolve) => {
        go = resolve
      })
      const reached = new Promise<void>((reach) => {
        cut = { word, reach, gone }
      })
      return { reached, go }
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
}

interface Cut {
  readonly word: string
  readonly reach: () => void
  readonly gone: Promise<void>
}

interface Connection {
  readonly client: Socket
  readonly upstream: Socket
  held: Buffer[] | undefined
}

const PUSH = '>'.charCodeAt(0)

/** Cuts what a server says into whole answers. */
class Frames {
  #rest: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const frames: Buffer[] = []
    for (let end = this.#end(0); end !== undefined; end = this.#end(0)) {
      frames.push(Buffer.from(this.#rest.subarray(0, end)))
      this.#rest = this.#rest.subarray(end)
    }
    return frames
  }

  #end(at: number): number | undefined {
    const lineEnd = this.#rest.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const kind = String.fromCharCode(this.#rest[at] as number)
    const size = Number(this.#rest.toString('latin1', at + 1, lineEnd))
    let end: number | undefined = lineEnd + 2
    if ('$!='.includes(kind)) {
      if (size >= 0) end += size + 2
      return end <= this.#rest.length ? end : undefined
    }
    const parts = '*~>'.includes(kind) ? size : kind === '%' ? size * 2 : 0
    for (let part = 0; part < parts && end !== undefined; part += 1) end = this.#end(end)
    return end
  }
}
