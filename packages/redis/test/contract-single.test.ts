import { startRedis } from '@hitbox/testing'
import { single } from '../src/index.ts'
import { proveContract, type Started } from './contract-on.ts'

async function start(): Promise<Started> {
  const server = await startRedis()
  return {
    connection: () => single(server.url),
    servers: [server],
    stop: () => server.stop(),
  }
}

proveContract({ name: 'one server', start })
proveContract({ name: 'one server, layout hash', layout: 'hash', start })
