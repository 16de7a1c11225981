import { createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { seeded } from '../contract/random.ts'
import { freePort } from '../servers/free-port.ts'
import { until } from '../until.ts'
import { ProxiedConnection } from './connection.ts'
import { type Behaviour, behaviourOf, type Fault } from './fault.ts'
import { WireCounts, type WireStats } from './wire-counts.ts'

/** Where a proxy leads: an address, or a unix socket. What {@link startRedis} gives is one. */
export type ProxyTarget =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/** Stands between a client and a server, on a port of 127.0.0.1. Keeps no process alive. */
export interface FaultProxy extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** Changes what is done to all connections, and resolves when it is in force. */
  set(fault: Fault): Promise<void>
  /** Leads to another server from now on. Connections that exist are reset, as by a failover; what is done to them stays. */
  retarget(target: ProxyTarget): void
  /** Counted since the start, or since they were reset. */
  stats(): WireStats
  /** Counts from zero. */
  resetStats(): void
  /** Stops listening and closes all connections. May be called again, without effect. */
  close(): Promise<void>
}

/**
 * Starts a proxy that lets everything pass until it is told otherwise.
 *
 * @example
 * ```ts
 * import { faultProxy, startRedis } from '@hitbox/testing'
 *
 * const server = await startRedis()
 * const proxy = await faultProxy(server)
 * const url = `redis://${proxy.host}:${proxy.port}`
 * await proxy.set({ stall: 'to-client' })
 * console.log(url, proxy.stats().commands)
 * await proxy.close()
 * await server.stop()
 * ```
 */
export async function faultProxy(target: ProxyTarget): Promise<FaultProxy> {
  for (;;) {
    const proxy = new LocalProxy(routeTo(target), await freePort())
    if (await proxy.listen()) return proxy
  }
}

function routeTo(target: ProxyTarget): NetConnectOpts {
  return 'path' in target ? { path: target.path } : { host: target.host, port: target.port }
}

class LocalProxy implements FaultProxy {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #connections = new Set<ProxiedConnection>()
  readonly #counts = new WireCounts()
  readonly #random = seeded(1)
  #target: NetConnectOpts
  #server: Server | undefined
  #behaviour: Behaviour = behaviourOf('pass')
  #closed = false

  constructor(target: NetConnectOpts, port: number) {
    this.#target = target
    this.port = port
  }

  /** @returns whether the port could be had. */
  listen(): Promise<boolean> {
    return new Promise((resolve) => {
      const server = createServer({ noDelay: true }, (client) => this.#accept(client))
      server.once('error', () => resolve(false))
      server.listen({ host: this.host, port: this.port }, () => {
        this.#server = server
        resolve(true)
      })
      server.unref()
    })
  }

  async set(fault: Fault): Promise<void> {
    if (this.#closed) throw new Error('the proxy is closed')
    const behaviour = behaviourOf(fault)
    this.#behaviour = behaviour
    for (const connection of this.#connections) connection.apply(behaviour)
    if (!behaviour.listens) await this.#deafen()
    else if (this.#server === undefined)
      await until('the port of the proxy is free again', () => this.listen())
  }

  retarget(target: ProxyTarget): void {
    this.#target = routeTo(target)
    for (const connection of this.#connections) connection.reset()
  }

  stats(): WireStats {
    return this.#counts.snapshot(this.#connections.size)
  }

  resetStats(): void {
    this.#counts.clear()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const connection of this.#connections) connection.destroy()
    await this.#deafen()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #deafen(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    await new Promise((resolve) => {
      server.close(resolve)
    })
  }

  #accept(client: Socket): void {
    this.#counts.connected()
    const connection = new ProxiedConnection(client, {
      target: this.#target,
      behaviour: this.#behaviour,
      counts: this.#counts,
      random: this.#random,
    })
    this.#connections.add(connection)
    client.on('close', () => this.#connections.delete(connection))
  }
}
