import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import { RespParser } from '../servers/resp.ts'
import type { Behaviour } from './fault.ts'
import { Lane } from './lane.ts'
import type { WireCounts } from './wire-counts.ts'

/** One client of the proxy, and its connection to the server. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #counts: WireCounts
  readonly #toClient: Lane
  readonly #target: NetConnectOpts
  readonly #waiting: Uint8Array[] = []
  #server: Socket | undefined
  #toServer: Lane | undefined
  #behaviour: Behaviour
  #allowance = Number.POSITIVE_INFINITY

  constructor(client: Socket, target: NetConnectOpts, behaviour: Behaviour, counts: WireCounts) {
    this.#client = client
    this.#target = target
    this.#counts = counts
    this.#behaviour = behaviour
    this.#toClient = new Lane(client)
    client.setNoDelay()
    client.unref()
    const parser = new RespParser()
    client.on('data', (chunk: Buffer) => {
      counts.sent(chunk.length, parser.push(chunk))
      if (this.#toServer === undefined) this.#waiting.push(chunk)
      else this.#toServer.push(chunk)
    })
    client.on('end', () => this.#toServer?.push('end'))
    // An error is followed by a close.
    client.on('error', () => {})
    client.on('close', () => this.destroy())
    this.apply(behaviour)
  }

  /** Does to this connection from now on what `behaviour` says. */
  apply(behaviour: Behaviour): void {
    const wasLate = this.#behaviour.delayMs > behaviour.delayMs
    this.#behaviour = behaviour
    this.#allowance = behaviour.cutAfter
    if (!behaviour.listens) this.destroy()
    else if (behaviour.resets) this.#client.resetAndDestroy()
    if (this.#client.destroyed) return
    // A black hole is met before the server is.
    if (!behaviour.held.includes('to-server')) this.#reachServer()
    this.#toServer?.hold(behaviour.held.includes('to-server'))
    this.#toClient.hold(behaviour.held.includes('to-client'))
    if (wasLate) this.#toClient.hurry()
  }

  destroy(): void {
    this.#toServer?.close()
    this.#toClient.close()
    this.#client.destroy()
    this.#server?.destroy()
  }

  #reachServer(): void {
    if (this.#server !== undefined) return
    const server = createConnection(this.#target)
    server.setNoDelay()
    server.unref()
    server.on('data', (chunk: Buffer) => this.#answered(chunk))
    server.on('end', () => this.#toClient.push('end', this.#behaviour.delayMs))
    server.on('error', () => this.#toClient.push('reset', this.#behaviour.delayMs))
    this.#server = server
    this.#toServer = new Lane(server)
    for (const chunk of this.#waiting.splice(0)) this.#toServer.push(chunk)
  }

  #answered(chunk: Buffer): void {
    const { delayMs, inverts } = this.#behaviour
    const part = chunk.subarray(0, Math.min(chunk.length, this.#allowance))
    this.#allowance -= part.length
    this.#counts.received(part.length)
    if (part.length > 0) this.#toClient.push(inverts ? part.map((byte) => ~byte) : part, delayMs)
    if (this.#allowance > 0) return
    this.#toClient.push('end', delayMs)
    this.#server?.destroy()
  }
}
