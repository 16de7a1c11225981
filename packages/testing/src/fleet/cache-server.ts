import { copyFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type FaultProxy, faultProxy } from '../proxy/fault-proxy.ts'
import { type RedisServer, startRedis } from '../servers/redis-server.ts'
import { until } from '../until.ts'

/** Where a server looks for a snapshot when it starts, and where one is kept from it. */
const LOADED = 'dump.rdb'
const KEPT = 'kept.rdb'

/** The cache of a fleet: a server that can be lost in several ways, and a way to it for each instance. */
export class CacheServer {
  readonly proxies: readonly FaultProxy[]
  #primary: RedisServer
  #replica: RedisServer | undefined
  /** From the replica to its primary. */
  readonly #link: FaultProxy | undefined

  private constructor(servers: readonly RedisServer[], proxies: FaultProxy[], link?: FaultProxy) {
    const [primary, replica] = servers
    this.#primary = primary as RedisServer
    this.#replica = replica
    this.proxies = proxies
    this.#link = link
  }

  /** @param withReplica - Whether it must be able to fail over. */
  static async start(instances: number, withReplica: boolean): Promise<CacheServer> {
    const opened: AsyncDisposable[] = []
    const keep = <T extends AsyncDisposable>(one: T): T => {
      opened.push(one)
      return one
    }
    try {
      const primary = keep(await startRedis())
      const proxies: FaultProxy[] = []
      for (let count = 0; count < instances; count += 1)
        proxies.push(keep(await faultProxy(primary)))
      if (!withReplica) return new CacheServer([primary], proxies)
      const replica = keep(await startRedis())
      const link = keep(await faultProxy(primary))
      const cache = new CacheServer([primary, replica], proxies, link)
      await replica.command('REPLICAOF', link.host, link.port)
      await until('the replica is in step', () => cache.#isInStep())
      return cache
    } catch (error) {
      await Promise.all(opened.map((one) => one[Symbol.asyncDispose]()))
      throw error
    }
  }

  async stop(): Promise<void> {
    await Promise.all([
      ...this.proxies.map((proxy) => proxy.close()),
      this.#link?.close(),
      this.#primary.stop(),
      this.#replica?.stop(),
    ])
  }

  kill(): Promise<void> {
    return this.#primary.kill()
  }

  /** With nothing in it. */
  async restart(): Promise<void> {
    await this.#restart(this.#primary)
  }

  /** Keeps what is there now, out of reach of a plain restart. */
  async takeSnapshot(): Promise<void> {
    // Refused while the server saves in the background, as it does for a replica that joins.
    await until('there is a snapshot', () => this.#primary.command('SAVE'), { every: '20ms' })
    const folder = folderOf(this.#primary)
    await rename(join(folder, LOADED), join(folder, KEPT))
  }

  /** With what was there at the last snapshot. */
  async restartFromSnapshot(): Promise<void> {
    const folder = folderOf(this.#primary)
    await copyFile(join(folder, KEPT), join(folder, LOADED))
    await this.#primary.restart()
  }

  /** Lets the replica fall behind. @returns whether there is one, and it was in step. */
  async holdReplica(): Promise<boolean> {
    if (this.#link === undefined || !(await this.#isSoonInStep())) return false
    await this.#link.set({ stall: 'to-client' })
    return true
  }

  /** Loses the primary and, after a while, has the replica in its place; the old one becomes the replica. */
  async failOver(afterMs: number): Promise<void> {
    const [old, next, link] = [this.#primary, this.#replica, this.#link]
    if (next === undefined || link === undefined) return
    await old.kill()
    await setTimeout(afterMs)
    await next.command('REPLICAOF', 'NO', 'ONE')
    this.#primary = next
    this.#replica = old
    for (const proxy of this.proxies) proxy.retarget(next)
    await link.set('pass')
    link.retarget(next)
    await this.#restart(old)
    await old.command('REPLICAOF', link.host, link.port)
  }

  async #restart(server: RedisServer): Promise<void> {
    // A snapshot that was loaded, or what a replica got when it joined, must not come back.
    await rm(join(folderOf(server), LOADED), { force: true })
    await server.restart()
  }

  /** Replicas ask once in a second whether their primary is back. */
  async #isSoonInStep(): Promise<boolean> {
    const options = { every: '20ms', within: '1500ms' } as const
    return until('the replica is in step', () => this.#isInStep(), options).catch(() => false)
  }

  async #isInStep(): Promise<boolean> {
    const said = String(await this.#replica?.command('INFO', 'replication'))
    return said.includes('master_link_status:up')
  }
}

/** The socket of a server is in the folder of its files. */
function folderOf(server: RedisServer): string {
  return dirname(server.unixSocket)
}
