import { setTimeout } from 'node:timers/promises'
import { systemClock } from '@hitbox/core'
import type { RedisCluster, RedisServer } from '@hitbox/testing'

/** What was done to a cluster, in words. */
export type Troubles = readonly string[]

/** Keys that slots are moved of: those of a fleet. */
const KEYS = 16
/** Between two moves. */
const PAUSE_MS = 200

/**
 * Moves slots to other nodes, with what is in them, and kills a primary for good, while the cluster is in use.
 *
 * @param durationMs - Of the use; the last fifth is left in peace.
 */
export async function troubleCluster(
  cluster: RedisCluster,
  durationMs: number,
  random: (below: number) => number,
): Promise<Troubles> {
  const troubles: string[] = []
  const end = systemClock.now() + durationMs * 0.8
  const killAt = systemClock.now() + durationMs * 0.35
  let killed = false
  while (systemClock.now() < end) {
    if (!killed && systemClock.now() > killAt) {
      killed = true
      const primary = await cluster.ownerOf(`k${random(KEYS)}`)
      await primary.kill()
      troubles.push(`killed the primary on port ${primary.port}`)
      await cluster.settled()
    }
    const key = `k${random(KEYS)}`
    try {
      troubles.push(await moveSlot(cluster, key, random))
    } catch (error) {
      troubles.push(`could not move the slot of ${key}: ${String(error)}`)
    }
    await setTimeout(PAUSE_MS)
  }
  return troubles
}

async function moveSlot(
  cluster: RedisCluster,
  key: string,
  random: (below: number) => number,
): Promise<string> {
  const from = await cluster.ownerOf(key)
  const primaries = await primariesOf(cluster)
  const others = primaries.filter(({ port }) => port !== from.port)
  const to = others[random(others.length)]
  if (to === undefined) return `no other primary for the slot of ${key}`
  const slot = String(await from.command('CLUSTER', 'KEYSLOT', key))
  const [fromId, toId] = [await idOf(from), await idOf(to)]
  await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
  await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
  for (;;) {
    const keys = (await from.commandBytes('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as Buffer[]
    if (keys.length === 0) break
    for (const one of keys) await from.command('MIGRATE', to.host, to.port, one, 0, 1_000)
  }
  // The new owner first, so that there is always one.
  for (const node of [to, from, ...others])
    await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
  return `moved slot ${slot} of ${key} from port ${from.port} to ${to.port}`
}

async function primariesOf(cluster: RedisCluster): Promise<RedisServer[]> {
  const owners = new Map<number, RedisServer>()
  for (let index = 0; index < KEYS; index += 1) {
    const owner = await cluster.ownerOf(`k${index}`)
    owners.set(owner.port, owner)
  }
  return [...owners.values()]
}

async function idOf(node: RedisServer): Promise<string> {
  return String(await node.command('CLUSTER', 'MYID'))
}
