import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below the ports that systems give to outgoing connections, so that none of those takes one between check and use. */
const LOWEST = 15_000
const HIGHEST = 32_000

/**
 * Finds a port of 127.0.0.1 that nobody listens on now. Somebody may a moment later: who binds it must be ready to try again.
 * The choice is random, so that processes which look at the same time rarely meet.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port }, () => server.close(() => resolve(true)))
  })
}
