import { startRedisSentinel } from '@hitbox/testing'
import { sentinel } from '../src/index.ts'
import { proveContract } from './contract-on.ts'

proveContract({
  name: 'what sentinels watch',
  untried:
    'the group takes half a minute to get over the loss of all; failovers are tried elsewhere',
  async start() {
    const group = await startRedisSentinel()
    const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
    return {
      connection: () => sentinel(group.name, nodes),
      servers: group.nodes,
      stop: () => group.stop(),
    }
  },
})
