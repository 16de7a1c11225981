import type { Endpoint } from '../endpoint.ts'
import type { Reply } from '../session.ts'

/** Slots that are served together. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  readonly primary: Endpoint
  readonly replicas: readonly Endpoint[]
  /** Grows whenever slots change hands; of two that claim a slot, the higher one is right. 0 when not known. */
  readonly epoch: number
}

/**
 * Reads what `CLUSTER SLOTS` answered, and from `CLUSTER NODES` how new it is.
 *
 * @param nodes - Nothing where that is denied.
 * @param asked - The node that was asked: one that does not know its own name leaves it out.
 * @throws when no slot is served, as by a node that is in no cluster yet.
 */
export function parseSlots(reply: Reply, nodes: Reply, asked: Endpoint): readonly SlotRange[] {
  const epochs = parseEpochs(nodes)
  const ranges = (reply as readonly (readonly [number, number, ...Reply[]])[]).map(
    ([from, to, ...members]): SlotRange => {
      const [primary, ...replicas] = members.map((node) => endpointOf(node, asked))
      const [, , id] = members[0] as readonly Reply[]
      const epoch = epochs.get(String(id)) ?? 0
      return { from, to, primary: primary as Endpoint, replicas, epoch }
    },
  )
  if (ranges.length === 0) throw new Error('the node that was asked knows of no slots')
  return ranges
}

/** Where a `MOVED` or `ASK` leads. */
export interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  readonly slot: number
  readonly to: Endpoint
}

const REDIRECTION = /^(MOVED|ASK) (\d+) (.*):(\d+)$/

export function parseRedirection(error: unknown, from: Endpoint): Redirection | undefined {
  const match = error instanceof Error ? REDIRECTION.exec(error.message) : null
  if (match === null) return undefined
  const [, kind, slot, host = '', port] = match
  const to = { host: known(host) ? host : hostOf(from), port: Number(port) }
  return { kind: kind as Redirection['kind'], slot: Number(slot), to }
}

/** Epochs of nodes by their ids, from lines like `id address flags primary ping pong epoch link slots`. */
function parseEpochs(nodes: Reply): ReadonlyMap<string, number> {
  const lines = String(nodes).split('\n')
  return new Map(
    lines.map((line): [string, number] => {
      const [id = '', , , , , , epoch] = line.split(' ')
      return [id, Number(epoch)]
    }),
  )
}

function endpointOf(node: Reply, asked: Endpoint): Endpoint {
  const [host, port] = node as readonly [Reply, number]
  const name = host === null ? '' : String(host)
  return { host: known(name) ? name : hostOf(asked), port }
}

function known(host: string): boolean {
  return host !== '' && host !== '?'
}

function hostOf(endpoint: Endpoint): string {
  return 'host' in endpoint ? endpoint.host : 'localhost'
}
