import { until } from '../until.ts'
import type { RedisCluster } from './redis-cluster.ts'
import type { RedisServer } from './redis-server.ts'
import { type Role, roleOf } from './role.ts'
import { stopAll } from './start-all.ts'

const SLOTS = 16_384

export class LocalCluster implements RedisCluster {
  readonly nodes: readonly RedisServer[]

  constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes
  }

  /** Makes a cluster of nodes that do not know each other. */
  async form(primaries: number): Promise<void> {
    const owners = this.nodes.slice(0, primaries)
    await Promise.all(
      this.nodes.map((node, index) => node.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)),
    )
    const share = SLOTS / primaries
    const bound = (index: number): number => Math.round(index * share)
    await Promise.all(
      owners.map((node, index) =>
        node.command('CLUSTER', 'ADDSLOTSRANGE', bound(index), bound(index + 1) - 1),
      ),
    )
    await this.#meet()
    await Promise.all(
      this.nodes.slice(primaries).map(async (node, index) => {
        const owner = owners[index % primaries] as RedisServer
        await node.command('CLUSTER', 'REPLICATE', String(await owner.command('CLUSTER', 'MYID')))
      }),
    )
    await this.settled()
  }

  async ownerOf(key: string): Promise<RedisServer> {
    return until('most nodes agree on the owner of a key', async () => {
      const living = this.#living()
      const answers = await Promise.all(living.map((node) => ownerSeenBy(node, key)))
      const owner = this.nodes.find(
        ({ port }) => answers.filter((answer) => answer === port).length * 2 > living.length,
      )
      return owner ?? false
    })
  }

  async settled(): Promise<void> {
    await until(
      'the cluster is whole and its replicas are in sync',
      async () => {
        const living = this.#living()
        // All primaries before any replica, for what those must have by then.
        const offsets = await primaryOffsets(living)
        const views = await Promise.all(living.map((node) => viewOf(node, living, offsets)))
        return living.length > 0 && views.every((view) => view !== undefined && view === views[0])
      },
      { every: '20ms' },
    )
  }

  stop(): Promise<void> {
    return stopAll(this.nodes)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #meet(): Promise<void> {
    const [first, ...others] = this.nodes as [RedisServer, ...RedisServer[]]
    for (const other of others) {
      const setting = await other.command('CONFIG', 'GET', 'cluster-port')
      const [, busPort] = setting as [string, string]
      await first.command('CLUSTER', 'MEET', other.host, other.port, busPort)
    }
    await until('all nodes have met', async () => {
      const seen = await Promise.all(this.nodes.map(nodesSeenBy))
      return seen.every((nodes) => nodes.length === this.nodes.length && nodes.every(isUp))
    })
  }

  #living(): readonly RedisServer[] {
    return this.nodes.filter((node) => node.running)
  }
}

/** A node as another one sees it. */
interface SeenNode {
  readonly port: number
  readonly flags: readonly string[]
  /** Ranges such as `'0-5460'`. */
  readonly slots: readonly string[]
}

async function nodesSeenBy(node: RedisServer): Promise<readonly SeenNode[]> {
  const text = String(await node.command('CLUSTER', 'NODES'))
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [, address = '', flags = '', , , , , , ...slots] = line.split(' ')
      const port = Number(/:(\d+)@/.exec(address)?.[1])
      return { port, flags: flags.split(','), slots: slots.filter((slot) => /^\d/.test(slot)) }
    })
}

const TROUBLE = new Set(['fail', 'fail?', 'handshake', 'noaddr'])

const isUp = ({ flags }: SeenNode): boolean => !flags.some((flag) => TROUBLE.has(flag))

function rangeOf(slots: string): readonly [first: number, last: number] {
  const [first, last = first] = slots.split('-').map(Number)
  return [first as number, last as number]
}

/** How far each primary has got, by its port. */
async function primaryOffsets(nodes: readonly RedisServer[]): Promise<ReadonlyMap<number, number>> {
  const roles = await Promise.all(nodes.map(roleOf))
  return new Map(
    nodes.flatMap(({ port }, index) => {
      const role = roles[index] as Role
      return role.primary ? [[port, role.offset] as const] : []
    }),
  )
}

/** @param offsets - How far the primaries had got. */
async function isInSync(node: RedisServer, offsets: ReadonlyMap<number, number>): Promise<boolean> {
  const role = await roleOf(node)
  if (role.primary) return true
  return (
    role.connected && role.offset >= (offsets.get(role.primaryPort) ?? Number.POSITIVE_INFINITY)
  )
}

/** How a node sees the living ones, as text to compare; `undefined` when it sees trouble or is not in sync. */
async function viewOf(
  node: RedisServer,
  living: readonly RedisServer[],
  offsets: ReadonlyMap<number, number>,
): Promise<string | undefined> {
  if (!(await isInSync(node, offsets))) return undefined
  if (!String(await node.command('CLUSTER', 'INFO')).includes('cluster_state:ok')) return undefined
  const ports = new Set(living.map(({ port }) => port))
  const seen = (await nodesSeenBy(node)).filter(({ port }) => ports.has(port))
  const ranges = seen.flatMap(({ slots }) => slots.map(rangeOf))
  const served = ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  if (seen.length < living.length || served < SLOTS || !seen.every(isUp)) return undefined
  const lines = seen.map(({ port, flags, slots }) => {
    const kind = flags.includes('master') ? 'primary' : 'replica'
    return `${port} ${kind} ${slots.join(',')}`
  })
  return lines.toSorted().join('\n')
}

/** Port of the owner of a key, as one node sees it. */
async function ownerSeenBy(node: RedisServer, key: string): Promise<number | undefined> {
  const slot = Number(await node.command('CLUSTER', 'KEYSLOT', key))
  const owner = (await nodesSeenBy(node)).find(({ slots }) =>
    slots.map(rangeOf).some(([first, last]) => first <= slot && slot <= last),
  )
  return owner?.port
}
