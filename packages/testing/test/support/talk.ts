import { once } from 'node:events'
import { createConnection } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type RedisServer, until } from '@hitbox/testing'

/** Sends lines as they are, to a server or a proxy to it, and gives back what comes until `expected` was seen. */
export async function talk(
  { host, port, tls }: Pick<RedisServer, 'host' | 'port'> & Partial<Pick<RedisServer, 'tls'>>,
  lines: string,
  expected: string,
): Promise<string> {
  const socket = tls
    ? connectTls({ host, port, ca: tls.ca, servername: 'localhost' })
    : createConnection({ host, port })
  let seen = ''
  socket.setEncoding('utf8').on('data', (text: string) => void (seen += text))
  try {
    await once(socket, tls ? 'secureConnect' : 'connect')
    socket.write(lines)
    await until(`"${expected}" comes`, () => seen.includes(expected), { within: '5s' })
    return seen
  } finally {
    socket.destroy()
  }
}
