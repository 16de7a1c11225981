import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { type FaultProxy, faultProxy, startRedis, until } from '@hitbox/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Answers every line with `<line!>`, on a port of its own. */
async function startEcho(): Promise<{ server: Server; host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString().trim()}!>`))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as { port: number }
  return { server, host: '127.0.0.1', port: address.port }
}

class Client {
  seen = Buffer.alloc(0)
  error: NodeJS.ErrnoException | undefined
  closed = false
  readonly socket: Socket

  constructor({ host, port }: { host: string; port: number }) {
    this.socket = createConnection({ host, port })
    this.socket.on('data', (chunk: Buffer) => void (this.seen = Buffer.concat([this.seen, chunk])))
    this.socket.on('error', (error) => void (this.error = error))
    this.socket.on('close', () => void (this.closed = true))
  }

  /** Sends a line; gives what came by the time the answer is complete. */
  async ask(line: string): Promise<string> {
    this.socket.write(`${line}\n`)
    return until(`"${line}" is answered`, () => this.seen.includes(`<${line}!>`) && this.text)
  }

  get text(): string {
    return this.seen.toString()
  }

  /** Whether nothing more has come after the server had every opportunity. */
  async staysAt(text: string): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, 60))
    return this.text === text && !this.closed
  }
}

describe('faultProxy', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>
  let proxy: FaultProxy
  const clients: Client[] = []
  const connect = (): Client => {
    const client = new Client(proxy)
    clients.push(client)
    return client
  }

  beforeEach(async () => {
    echo = await startEcho()
    proxy = await faultProxy(echo)
  })

  afterEach(async () => {
    await proxy.close()
    for (const { socket } of clients.splice(0)) socket.destroy()
    echo.server.close()
  })

  it('lets everything pass, and counts', async () => {
    const client = connect()
    expect(await client.ask('one')).toBe('<one!>')
    expect(await client.ask('two')).toBe('<one!><two!>')
    expect(proxy.stats()).toEqual({
      connections: 1,
      open: 1,
      bytesToServer: 8,
      bytesToClient: 12,
      writes: 2,
      commands: 0,
      commandNames: {},
    })
    client.socket.end()
    await until('the connection is gone', () => proxy.stats().open === 0)
    proxy.resetStats()
    expect(proxy.stats()).toMatchObject({ connections: 0, writes: 0, bytesToServer: 0 })
  })

  it('refuses, closes what is open, and comes back on the same port', async () => {
    const client = connect()
    await client.ask('one')
    await proxy.set('refuse')
    await until('the client is closed', () => client.closed)
    const refused = connect()
    await until('the client is refused', () => refused.error?.code === 'ECONNREFUSED')
    await proxy.set('pass')
    expect(await connect().ask('two')).toBe('<two!>')
  })

  it('is a black hole to new and existing connections, and lets go of what fell in', async () => {
    const existing = connect()
    await existing.ask('one')
    await proxy.set('black-hole')
    const fresh = connect()
    await once(fresh.socket, 'connect')
    fresh.socket.write('two\n')
    existing.socket.write('three\n')
    expect(await fresh.staysAt('')).toBe(true)
    expect(await existing.staysAt('<one!>')).toBe(true)
    await proxy.set('pass')
    await until(
      'both are answered',
      () => fresh.text === '<two!>' && existing.text.endsWith('<three!>'),
    )
  })

  it('delays what the server says, in order, until it no longer does', async () => {
    await proxy.set({ delay: '80ms' })
    const client = connect()
    const start = performance.now()
    await client.ask('one')
    expect(performance.now() - start).toBeGreaterThanOrEqual(79)
    await proxy.set({ delay: '1h' })
    client.socket.write('two\n')
    expect(await client.staysAt('<one!>')).toBe(true)
    await proxy.set('pass')
    expect(await client.ask('three')).toBe('<one!><two!><three!>')
  })

  it('cuts after some bytes from the server', async () => {
    const client = connect()
    await client.ask('one')
    await proxy.set({ cutAfter: 3 })
    client.socket.write('two\n')
    await until('the client is cut off', () => client.closed)
    expect(client.text).toBe('<one!><tw')
    const fresh = connect()
    fresh.socket.write('x\n')
    await until('the client is cut off', () => fresh.closed)
    expect(fresh.text).toBe('<x!')
  })

  it.each(['to-server', 'to-client'] as const)('stalls %s only', async (direction) => {
    const client = connect()
    await client.ask('one')
    await proxy.set({ stall: direction })
    const { bytesToClient } = proxy.stats()
    client.socket.write('two\n')
    expect(await client.staysAt('<one!>')).toBe(true)
    expect(proxy.stats().bytesToClient - bytesToClient).toBe(direction === 'to-client' ? 6 : 0)
    await proxy.set('pass')
    expect(await client.ask('three')).toBe('<one!><two!><three!>')
  })

  it('resets', async () => {
    const client = connect()
    await client.ask('one')
    await proxy.set('reset')
    await until('the client is reset', () => client.error?.code === 'ECONNRESET')
    const fresh = connect()
    await until('the next one too', () => fresh.closed)
    expect(fresh.text).toBe('')
  })

  it('makes garbage of what the server says', async () => {
    await proxy.set('garbage')
    const client = connect()
    client.socket.write('one\n')
    await until('something comes', () => client.seen.length === 6)
    expect(Buffer.from(client.seen.map((byte) => ~byte)).toString()).toBe('<one!>')
  })

  it('resets who asks for a server that is not there', async () => {
    echo.server.close()
    await once(echo.server, 'close')
    const client = connect()
    client.socket.write('one\n')
    await until('the client is reset', () => client.closed)
  })

  it('closes more than once, cleanly, and says so afterwards', async () => {
    const client = connect()
    await client.ask('one')
    await proxy.set({ stall: 'to-client' })
    client.socket.write('two\n')
    await proxy.close()
    await proxy.close()
    await until('the client is closed', () => client.closed)
    expect(proxy.stats().open).toBe(0)
    await expect(proxy.set('pass')).rejects.toThrow('closed')
  })

  it('refuses faults that are none', async () => {
    await expect(proxy.set('chaos' as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(proxy.set({ stall: 'up' } as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    })
    await expect(proxy.set({ cutAfter: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('faultProxy before Redis', () => {
  it('counts the commands in a write', async () => {
    await using server = await startRedis()
    await using proxy = await faultProxy({ path: server.unixSocket })
    const client = new Client(proxy)
    const set = '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\na\r\n\r\n'
    client.socket.write(`${set}*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n`)
    await until('all is answered', () => client.text === '+OK\r\n$3\r\na\r\n\r\n+PONG\r\n')
    expect(proxy.stats()).toMatchObject({
      writes: 1,
      commands: 3,
      commandNames: { set: 1, get: 1, ping: 1 },
    })
    client.socket.destroy()
  })
})
