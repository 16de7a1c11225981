import { startRedisCluster } from '@hitbox/testing'
import { cluster } from '../src/index.ts'
import { proveContract, type Started } from './contract-on.ts'

async function start(): Promise<Started> {
  const group = await startRedisCluster({ primaries: 3, replicas: 0 })
  return {
    connection: () => cluster(group.nodes.map(({ url }) => url)),
    servers: group.nodes,
    recovered: () => group.settled(),
    stop: () => group.stop(),
  }
}

proveContract({ name: 'a cluster', start })
proveContract({
  name: 'a cluster, layout hash',
  layout: 'hash',
  untried: 'they concern the connections, which are the same for the layout string',
  start,
})
