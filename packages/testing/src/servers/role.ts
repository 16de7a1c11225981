import type { RedisServer } from './redis-server.ts'
import type { Reply } from './resp.ts'

/** What a data node is, and how far it has got in the stream of changes. */
export type Role =
  | { readonly primary: true; readonly offset: number }
  | {
      readonly primary: false
      readonly primaryPort: number
      readonly connected: boolean
      readonly offset: number
    }

export async function roleOf(node: RedisServer): Promise<Role> {
  const [role, ...facts] = (await node.command('ROLE')) as readonly Reply[]
  if (role === 'master') return { primary: true, offset: Number(facts[0]) }
  const [, port, state, offset] = facts
  return {
    primary: false,
    primaryPort: Number(port),
    connected: state === 'connected',
    offset: Number(offset),
  }
}
