import { until } from '../until.ts'
import type { RedisSentinel } from './redis-sentinel.ts'
import type { RedisServer } from './redis-server.ts'
import type { Reply } from './resp.ts'
import { roleOf } from './role.ts'
import { stopAll } from './start-all.ts'

export class LocalSentinel implements RedisSentinel {
  readonly name: string
  readonly sentinels: readonly RedisServer[]
  readonly nodes: readonly RedisServer[]

  constructor(name: string, sentinels: readonly RedisServer[], nodes: readonly RedisServer[]) {
    this.name = name
    this.sentinels = sentinels
    this.nodes = nodes
  }

  async primary(): Promise<RedisServer> {
    return until('most sentinels agree on a living primary', () => this.#primaryNow())
  }

  async settled(): Promise<void> {
    await until(
      'replicas are in sync and the sentinels know everybody',
      async () => {
        const primary = await this.#primaryNow()
        if (primary === undefined) return false
        // Asked before the replicas, for what they must have by then.
        const { offset } = await roleOf(primary)
        const replicas = this.nodes.filter((node) => node.running && node !== primary)
        const synced = await Promise.all(
          replicas.map((node) => isReplicaOf(node, primary.port, offset)),
        )
        const watched = await Promise.all(
          this.#watching().map((sentinel) => this.#knows(sentinel, replicas)),
        )
        return synced.every(Boolean) && watched.every(Boolean)
      },
      { every: '20ms' },
    )
  }

  stop(): Promise<void> {
    return stopAll([...this.sentinels, ...this.nodes])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #watching(): readonly RedisServer[] {
    return this.sentinels.filter((sentinel) => sentinel.running)
  }

  async #primaryNow(): Promise<RedisServer | undefined> {
    const addresses = await Promise.all(
      this.#watching().map((sentinel) =>
        sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.name),
      ),
    )
    const ports = addresses.map((address) => Number((address as readonly string[] | null)?.[1]))
    const named = this.nodes.find(
      ({ port }) => ports.filter((other) => other === port).length * 2 > this.sentinels.length,
    )
    if (named?.running !== true) return undefined
    return (await roleOf(named)).primary ? named : undefined
  }

  async #knows(sentinel: RedisServer, replicas: readonly RedisServer[]): Promise<boolean> {
    const master = asRecord(await sentinel.command('SENTINEL', 'MASTER', this.name))
    const peers = this.sentinels.length - 1
    if (master['flags'] !== 'master' || Number(master['num-other-sentinels']) < peers) return false
    const known = (await sentinel.command('SENTINEL', 'REPLICAS', this.name)) as readonly Reply[]
    const ready = known.map(asRecord).filter((replica) => replica['master-link-status'] === 'ok')
    return replicas.every(({ port }) => ready.some((replica) => replica['port'] === `${port}`))
  }
}

/** @param offset - How far it must have got. */
async function isReplicaOf(node: RedisServer, port: number, offset: number): Promise<boolean> {
  const role = await roleOf(node)
  return !role.primary && role.primaryPort === port && role.connected && role.offset >= offset
}

/** Names and values that take turns, as an object. */
function asRecord(reply: Reply): Readonly<Record<string, string>> {
  const words = reply as readonly string[]
  const pairs = words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]]] : []))
  return Object.fromEntries(pairs) as Record<string, string>
}
