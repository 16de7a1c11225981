import { type Clock, CacheError, closedError, Deadlines, type StoreKey } from '@hitbox/core'
import { type Access, dial } from '../dial.ts'
import { Dispatcher, type DispatcherSettings } from '../dispatcher.ts'
import { type Endpoint, endpointId } from '../endpoint.ts'
import type { Exchange } from '../exchange.ts'
import { replyCode, timeoutOf } from '../failure.ts'
import { fixed } from '../fixed.ts'
import type { GreetingTerms } from '../greeting.ts'
import type { Line, Route } from '../line.ts'
import { asideSettings, Link, type LinkSettings } from '../link.ts'
import type { Reply } from '../session.ts'
import type { Topology } from '../topology.ts'
import { AskLine } from './ask-line.ts'
import { askAround } from './ask-around.ts'
import { keySlot } from './key-slot.ts'
import { type Node, readerOf, type Shard } from './shard.ts'
import { parseRedirection, parseSlots, type SlotRange } from './slot-map.ts'
import { Undiscovered } from './undiscovered.ts'

export interface ClusterPlan {
  readonly seeds: readonly Endpoint[]
  readonly readFromReplicas: boolean
}

/** How old the map may get while it is used. */
const REFRESH_MS = 30_000
/** The shortest time between two questions for the map. */
const PAUSE_MS = 100
/** How long a node that knows of an older epoch is not believed. */
const GRUDGE_MS = 10_000

/**
 * A cluster: one link for each node that is used, and a map of slots that is asked for at first use, whenever something goes
 * wrong with a node, when a command is slow to be answered, and twice a minute.
 */
export class ClusterTopology implements Topology {
  readonly together = false
  readonly #plan: ClusterPlan
  readonly #access: Access
  readonly #settings: DispatcherSettings & LinkSettings
  readonly #clock: Clock
  readonly #asking: Dispatcher
  readonly #nodes = new Map<string, Node>()
  readonly #undiscovered: Undiscovered
  readonly #writing: (SlotRoute | undefined)[] = []
  readonly #reading: (SlotRoute | undefined)[] = []
  readonly #terms: GreetingTerms
  #slots: (Shard | undefined)[] = []
  #refreshing: Promise<void> | undefined
  #refreshedAt = Number.NEGATIVE_INFINITY
  #learnedAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(plan: ClusterPlan, access: Access, settings: DispatcherSettings & LinkSettings) {
    this.#plan = plan
    this.#access = { ...access, readOnly: plan.readFromReplicas }
    this.#settings = settings
    this.#clock = settings.clock
    this.#terms = { clock: settings.clock, sessions: settings.sessions, clustered: true }
    this.#asking = new Dispatcher({ ...settings, retries: 0 })
    this.#undiscovered = new Undiscovered(() =>
      this.#slots.length === 0 ? this.#refresh() : this.#consult(),
    )
  }

  primary(key: StoreKey): Route {
    const slot = keySlot(key)
    return (this.#writing[slot] ??= new SlotRoute(this, slot, false))
  }

  reader(key: StoreKey): Route {
    if (!this.#plan.readFromReplicas) return this.primary(key)
    const slot = keySlot(key)
    return (this.#reading[slot] ??= new SlotRoute(this, slot, true))
  }

  lineOf(slot: number, reading: boolean): Line {
    const shard = this.#slots[slot]
    if (shard === undefined) return this.#undiscovered
    if (this.#clock.recent() > this.#refreshedAt + REFRESH_MS) this.#doubt()
    return (reading ? readerOf(shard, this.#clock) : shard.primary).link
  }

  redirect(error: unknown, from: Line, slot: number): Line | undefined {
    const code = replyCode(error)
    if (code === undefined) return undefined
    if (code === 'MOVED' || code === 'ASK') return this.#redirected(error, from)
    if (code !== 'CLUSTERDOWN' && code !== 'MASTERDOWN' && code !== 'LOADING') return undefined
    this.#doubt()
    // A replica that cannot answer has a primary that perhaps can.
    const primary = this.#slots[slot]?.primary.link
    return primary === from ? undefined : primary
  }

  /** Messages go round the whole cluster; a primary is the better choice, since it knows whether somebody listens to it. */
  aside(): (Line & { close(): void }) | undefined {
    const settings = asideSettings(this.#settings)
    const terms = { clock: this.#clock, sessions: settings.sessions, clustered: true }
    return new Link((call) => {
      const primaries = new Set(this.#slots.map((shard) => shard?.primary.endpoint))
      const known = [...primaries].filter((endpoint) => endpoint !== undefined)
      const [endpoint] = shuffled(known.length > 0 ? known : this.#plan.seeds)
      return dial(endpoint as Endpoint, this.#access, this.#clock, call, terms)
    }, settings)
  }

  async all(timeoutMs: number): Promise<readonly Line[]> {
    if (this.#slots.length === 0) {
      const late = (): Error => timeoutOf(this.#settings.label, 'connect', timeoutMs)
      await new Deadlines(this.#clock, timeoutMs).race(this.#discovered(), late)
    }
    return [...new Set(this.#slots.flatMap((shard) => (shard ? [shard.primary.link] : [])))]
  }

  close(): void {
    this.#closed = true
    for (const { link } of this.#nodes.values()) link.close()
    this.#nodes.clear()
  }

  async #discovered(): Promise<void> {
    try {
      await this.#refresh()
    } catch (cause) {
      if (CacheError.is(cause)) throw cause
      const source = this.#settings.label
      const message = `backend "${source}" found no node that knows the cluster`
      throw new CacheError('BACKEND_FAILED', message, {
        details: { source, operation: 'connect' },
        cause,
      })
    }
  }

  #redirected(error: unknown, from: Line): Line | undefined {
    const asked = [...this.#nodes.values()].find(({ link }) => link === from)
    const fallback = asked?.endpoint ?? this.#plan.seeds[0]
    if (fallback === undefined || this.#closed) return undefined
    const redirection = parseRedirection(error, fallback)
    if (redirection === undefined) return undefined
    const node = this.#primary(redirection.to)
    if (redirection.kind === 'ASK') return new AskLine(node.link)
    const epoch = this.#slots[redirection.slot]?.epoch ?? 0
    const before = this.#slots[redirection.slot]?.primary
    if (before !== undefined && before !== node) this.#settings.sessions.moved()
    const owned = this.#slots.find((shard) => shard?.primary === node)
    this.#slots[redirection.slot] = owned ?? { primary: node, replicas: [], epoch }
    this.#doubt()
    return node.link
  }

  /** Asks for the map soon, if it was not asked for just now. */
  #doubt(): void {
    // What the caller does fails by itself if it must.
    this.#consult().catch(() => undefined)
  }

  async #consult(): Promise<void> {
    if (this.#closed) return
    if (this.#refreshing === undefined && this.#clock.now() < this.#refreshedAt + PAUSE_MS) return
    await this.#refresh()
  }

  #refresh(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError(this.#settings.label))
    this.#refreshing ??= this.#renewMap()
    return this.#refreshing
  }

  async #renewMap(): Promise<void> {
    const before = this.#slots
    try {
      await this.#askForMap()
    } finally {
      this.#refreshing = undefined
      this.#refreshedAt = this.#clock.now()
    }
    // Not while they are asked: one without slots may be the one with news.
    this.#tidy(before)
  }

  #askForMap(): Promise<void> {
    const known = shuffled([...this.#nodes.values()])
    const seeds = shuffled(this.#plan.seeds).map((endpoint) => this.#node(endpoint))
    const up = known.filter(({ link }) => link.session !== undefined)
    const candidates = [...new Set([...up, ...seeds, ...known])]
    const ask = (node: Node): Promise<readonly SlotRange[]> => {
      const exchange: Exchange<readonly SlotRange[], readonly [Reply, Reply]> = {
        send: (session) =>
          Promise.all([
            session.send(['CLUSTER', 'SLOTS']),
            session.send(['CLUSTER', 'NODES']).catch(() => ''),
          ]),
        take: ([slots, nodes]) => parseSlots(slots, nodes, node.endpoint),
      }
      return this.#asking.run('connect', fixed(node.link), exchange, { asks: true })
    }
    const take = (ranges: readonly SlotRange[]): boolean => this.#learn(ranges)
    const patienceMs = this.#settings.responseTimeoutMs / 6
    return askAround(candidates, ask, take, this.#clock, patienceMs)
  }

  /** @returns whether a slot has another primary now. */
  #learn(ranges: readonly SlotRange[]): boolean {
    if (this.#closed) return true
    const before = this.#slots
    const slots: (Shard | undefined)[] = []
    const shards = new Map<string, Shard>()
    let news = before.length === 0
    let moved = false
    // Nodes learn of a change one after the other: who knows less than we do is not believed, for a while.
    const believesLess = this.#clock.now() < this.#learnedAt + GRUDGE_MS
    for (const { from, to, primary, replicas, epoch } of ranges) {
      const id = endpointId(primary)
      const shard = shards.get(id) ?? {
        primary: this.#primary(primary),
        replicas: this.#plan.readFromReplicas ? replicas.map((node) => this.#node(node)) : [],
        epoch,
      }
      shards.set(id, shard)
      for (let slot = from; slot <= to; slot += 1) {
        const old = before[slot]
        const older = old !== undefined && old.epoch > epoch && believesLess
        slots[slot] = older ? old : shard
        if (older || old?.primary === shard.primary) continue
        news = true
        moved ||= old !== undefined
      }
    }
    this.#slots = slots
    if (news) this.#learnedAt = this.#clock.now()
    if (moved) this.#settings.sessions.moved()
    if (this.#refreshing === undefined) this.#tidy(before)
    return news
  }

  /** Ends the links that nobody needs any more. */
  #tidy(before: readonly (Shard | undefined)[]): void {
    if (this.#closed) return
    const shards = new Set(this.#slots)
    const primaries = new Set<Node>()
    const replicas = new Set<Node>()
    for (const shard of shards) {
      if (shard === undefined) continue
      primaries.add(shard.primary)
      for (const replica of shard.replicas) replicas.add(replica)
    }
    const were = new Set(before.map((shard) => shard?.primary))
    for (const [id, node] of this.#nodes) {
      if (primaries.has(node) || (replicas.has(node) && !were.has(node))) continue
      this.#nodes.delete(id)
      // Who waits there looks again, and goes where the key is now.
      node.link.close(new Error('the node serves no keys of its own any more'))
    }
    if (!this.#plan.readFromReplicas) return
    const renewed = new Map(Array.from(shards, (shard) => [shard, shard && this.#renewed(shard)]))
    this.#slots = this.#slots.map((shard) => renewed.get(shard))
    for (const node of this.#nodes.values()) node.link.warm()
  }

  /** A primary that became a replica has lost its link: what waited on it must go elsewhere, should the node stand still. */
  #renewed(shard: Shard): Shard {
    const stale = shard.replicas.some(({ endpoint, link }) => this.#node(endpoint).link !== link)
    if (!stale) return shard
    return { ...shard, replicas: shard.replicas.map(({ endpoint }) => this.#node(endpoint)) }
  }

  /** A node that serves keys of its own. What it said of itself while it was a replica is over: which memory it has, and how far it is. */
  #primary(endpoint: Endpoint): Node {
    const node = this.#node(endpoint)
    if (node.link.session?.facts.primary !== false) return node
    this.#nodes.delete(endpointId(endpoint))
    node.link.close(new Error('the node is no replica any more'))
    return this.#node(endpoint)
  }

  #node(endpoint: Endpoint): Node {
    const id = endpointId(endpoint)
    const known = this.#nodes.get(id)
    if (known !== undefined) return known
    const link = new Link(
      (call) => dial(endpoint, this.#access, this.#clock, call, this.#terms),
      this.#settings,
      { onTrouble: () => this.#doubt(), consult: () => this.#consult() },
    )
    const node = { endpoint, link }
    this.#nodes.set(id, node)
    return node
  }
}

class SlotRoute implements Route {
  readonly #cluster: ClusterTopology
  readonly #slot: number
  readonly #reading: boolean

  constructor(cluster: ClusterTopology, slot: number, reading: boolean) {
    this.#cluster = cluster
    this.#slot = slot
    this.#reading = reading
  }

  line(): Line {
    return this.#cluster.lineOf(this.#slot, this.#reading)
  }

  redirect(error: unknown, from: Line): Line | undefined {
    return this.#cluster.redirect(error, from, this.#slot)
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const left = [...items]
  for (let at = left.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1))
    ;[left[at], left[other]] = [left[other] as T, left[at] as T]
  }
  return left
}
