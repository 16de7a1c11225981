import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import type { RedisServer } from '@hitbox/testing'

/** A proxy that understands what a server says, and does what no network does. */
export interface WireProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Called for each thing that the server says, whole: what it returns is sent on instead; nothing is, for nothing. */
  rewrite: ((frame: Buffer) => Buffer | undefined) | undefined
  /** Closes the next connection after so many bytes from the server. Those to come after it pass. */
  cutNextAfter(bytes: number): void
  /** Bytes from the server since the start. */
  readonly bytes: number
  /** Connections since the start. */
  readonly connections: number
}

export async function wireProxy(server: RedisServer): Promise<WireProxy> {
  const sockets = new Set<Socket>()
  let cut: number | undefined
  const proxy = createServer((client) => {
    const upstream = createConnection({ host: server.host, port: server.port })
    let left = cut ?? Number.POSITIVE_INFINITY
    cut = undefined
    counts.connections += 1
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => upstream.write(chunk))
    const frames = new Frames()
    upstream.on('data', (chunk) => {
      const { rewrite } = self
      const whole = rewrite === undefined && frames.empty ? [chunk] : frames.push(chunk)
      for (const frame of whole) {
        const said = rewrite === undefined ? frame : rewrite(frame)
        if (said === undefined || left <= 0) continue
        counts.bytes += Math.min(said.length, left)
        client.write(said.subarray(0, left))
        left -= said.length
        if (left <= 0) {
          client.end()
          upstream.destroy()
        }
      }
    })
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxy.unref()
  const counts = { bytes: 0, connections: 0 }
  const self: WireProxy = {
    host: '127.0.0.1',
    port: (proxy.address() as AddressInfo).port,
    rewrite: undefined,
    cutNextAfter: (bytes) => {
      cut = bytes
    },
    get bytes() {
      return counts.bytes
    },
    get connections() {
      return counts.connections
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      proxy.close()
      await once(proxy, 'close')
    },
  }
  return self
}

/** Whether a server says this unasked. */
export function isPush(frame: Buffer): boolean {
  return frame[0] === '>'.charCodeAt(0)
}

/** Cuts what a server says into whole answers. */
class Frames {
  #rest: Buffer = Buffer.alloc(0)

  get empty(): boolean {
    return this.#rest.length === 0
  }

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
