import { once } from 'node:events'
import { createConnection } from 'node:net'
import { type FaultProxy, until } from '@hitbox/testing'
import { it } from 'vitest'
import { CacheServer } from '../src/fleet/cache-server.ts'

/** Sends commands, a line each, and waits for what the server says in the end. */
async function say(way: FaultProxy, lines: readonly string[], last: string): Promise<void> {
  const socket = createConnection({ host: way.host, port: way.port }).on('error', () => {})
  let said = ''
  socket.setEncoding('utf8').on('data', (text: string) => (said += text))
  try {
    await once(socket, 'connect')
    socket.write(lines.map((line) => `${line}\r\n`).join(''))
    await until(`it says ${last}`, () => said.includes(last))
  } finally {
    socket.destroy()
  }
}

it('keeps a snapshot, though the server is saving in the background already', async () => {
  const cache = await CacheServer.start(1, false)
  try {
    const [way] = cache.proxies as readonly [FaultProxy]
    const slow = ['CONFIG SET rdb-key-save-delay 100000', 'MSET a 1 b 1 c 1', 'BGSAVE']
    await say(way, slow, 'Background saving started')
    await cache.takeSnapshot()
    await say(way, ['DEL a'], ':1')
    await cache.kill()
    await cache.restartFromSnapshot()
    await say(way, ['DBSIZE'], ':3')
  } finally {
    await cache.stop()
  }
}, 30_000)
