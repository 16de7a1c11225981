import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import type { Random } from '../contract/random.ts'
import { RespParser } from '../servers/resp.ts'
import type { Behaviour } from './fault.ts'
import { Lane, resetSocket } from './lane.ts'
import type { WireCounts } from './wire-counts.ts'

/** Where a connection leads, and what it shares with the others of its proxy. */
export interface ConnectionPlace {
  readonly target: NetConnectOpts
  readonly behaviour: Behaviour
  readonly counts: WireCounts
  /** Decides about jitter. */
  readonly random: Random
}

/** One client of the proxy, and its connection to the server. */
export class ProxiedConnection {
  readonly #client: Socket
  readonly #counts: WireCounts
  readonly #toClient: Lane
  readonly #target: NetConnectOpts
  readonly #random: Random
  readonly #waiting: Uint8Array[] = []
  #server: Socket | undefined
  #toServer: Lane | undefined
  #behaviour: Behaviour
  #allowance = Number.POSITIVE_INFINITY

  constructor(client: Socket, { target, behaviour, counts, random }: ConnectionPlace) {
    this.#client = client
    this.#target = target
    this.#counts = counts
    this.#random = random
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
    const wasLate = mostDelayMs(this.#behaviour) > mostDelayMs(behaviour)
    this.#behaviour = behaviour
    this.#allowance = behaviour.cutAfter
    if (!behaviour.listens) this.destroy()
    else if (behaviour.resets) this.reset()
    if (this.#client.destroyed) return
    // A black hole is met before the server is.
    if (!behaviour.held.includes('to-server')) this.#reachServer()
    this.#toServer?.hold(behaviour.held.includes('to-server'))
    this.#toClient.hold(behaviour.held.includes('to-client'))
    if (wasLate) this.#toClient.hurry()
  }

  reset(): void {
    resetSocket(this.#client)
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
    server.on('end', () => this.#toClient.push('end', this.#delayMs()))
    server.on('error', () => this.#toClient.push('reset', this.#delayMs()))
    this.#server = server
    this.#toServer = new Lane(server)
    for (const chunk of this.#waiting.splice(0)) this.#toServer.push(chunk)
  }

  #answered(chunk: Buffer): void {
    const { inverts } = this.#behaviour
    const delayMs = this.#delayMs()
    const part = chunk.subarray(0, Math.min(chunk.length, this.#allowance))
    this.#allowance -= part.length
    this.#counts.received(part.length)
    if (part.length > 0) this.#toClient.push(inverts ? part.map((byte) => ~byte) : part, delayMs)
    if (this.#allowance > 0) return
    this.#toClient.push('end', delayMs)
    this.#server?.destroy()
  }
  #delayMs(): number {
    const { delayMs, jitterMs } = this.#behaviour
    return jitterMs === 0 ? delayMs : delayMs + (this.#random(1_000) / 1_000) * jitterMs
  }
}

function mostDelayMs({ delayMs, jitterMs }: Behaviour): number {
  return delayMs + jitterMs
}
