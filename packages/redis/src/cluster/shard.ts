import type { Clock } from '@hitbox/core'
import type { Endpoint } from '../endpoint.ts'
import type { Link } from '../link.ts'

export interface Node {
  readonly endpoint: Endpoint
  readonly link: Link
}

/** A primary and its copies. */
export interface Shard {
  readonly primary: Node
  readonly replicas: readonly Node[]
  readonly epoch: number
}

/**
 * Where to read: a replica that is connected, else the primary while connections to the replicas are made. Replicas take turns,
 * and all reads of one turn of the event loop go to the same one, so that a batch is one write.
 */
export function readerOf(shard: Shard, clock: Clock): Node {
  const { replicas } = shard
  if (replicas.length === 0) return shard.primary
  const turn = Math.floor(clock.recent())
  let reader: Node | undefined
  for (let step = 0; step < replicas.length; step += 1) {
    const replica = replicas[(turn + step) % replicas.length] as Node
    if (replica.link.session === undefined) replica.link.warm()
    else reader ??= replica
  }
  return reader ?? shard.primary
}
