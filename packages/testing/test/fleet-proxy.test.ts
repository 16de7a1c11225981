import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { type FaultProxy, faultProxy, until } from '@hitbox/testing'
import { afterEach, describe, expect, it } from 'vitest'

/** What must be closed after a test. */
const opened: (() => unknown)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})

interface Listener {
  readonly server: Server
  readonly host: string
  readonly port: number
}

async function listen(onConnection: (socket: Socket) => void): Promise<Listener> {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push(() => server.close())
  return { server, host: '127.0.0.1', port: (server.address() as { port: number }).port }
}

/** Says its name to whoever connects. */
const naming = (name: string): Promise<Listener> => listen((socket) => socket.write(`<${name}>`))

async function proxyTo(target: Listener): Promise<FaultProxy> {
  const proxy = await faultProxy(target)
  opened.push(() => proxy.close())
  return proxy
}

function connectTo({ host, port }: FaultProxy): { socket: Socket; text: () => string } {
  const socket = createConnection({ host, port })
  let text = ''
  socket.on('data', (chunk: Buffer) => void (text += chunk.toString()))
  socket.on('error', () => {})
  opened.push(() => socket.destroy())
  return { socket, text: () => text }
}

function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on('close', () => resolve())
  })
}

describe('a proxy with jitter', () => {
  it('makes pieces late, and keeps their order', async () => {
    const echo = await listen((socket) => void socket.pipe(socket))
    const proxy = await proxyTo(echo)
    await proxy.set({ jitter: '20ms' })
    const { socket, text } = connectTo(proxy)
    let expected = ''
    for (let piece = 0; piece < 50; piece += 1) {
      expected += `${piece},`
      socket.write(`${piece},`)
      // Each piece on its own, or the network would make one of them.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until('all is there', () => text().length >= expected.length)
    expect(text()).toBe(expected)
  })

  it('lets go of what is late when it ends', async () => {
    const echo = await listen((socket) => void socket.pipe(socket))
    const proxy = await proxyTo(echo)
    await proxy.set({ jitter: '10h' })
    const { socket, text } = connectTo(proxy)
    socket.write('late')
    await until('it is on its way', () => proxy.stats().bytesToClient === 4)
    expect(text()).toBe('')
    await proxy.set('pass')
    await until('it is there', () => text() === 'late')
  })

  it('refuses a jitter that has no length', async () => {
    const proxy = await proxyTo(await naming('a'))
    await expect(proxy.set({ jitter: '0ms' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
  })
})

describe('retarget', () => {
  it('resets connections, and leads new ones elsewhere', async () => {
    const proxy = await proxyTo(await naming('old'))
    const before = connectTo(proxy)
    await until('the old one answers', () => before.text() === '<old>')
    const closed = closing(before.socket)
    proxy.retarget(await naming('new'))
    await closed
    const after = connectTo(proxy)
    await until('the new one answers', () => after.text() === '<new>')
  })
})

it('lets go of a connection that is reset while it ends', async () => {
  let isHeard = false
  const leaving = await listen((socket) => {
    socket.resume().on('end', () => (isHeard = true))
    socket.end('bye')
  })
  const proxy = await proxyTo(leaving)
  await proxy.set({ stall: 'to-client' })
  connectTo(proxy)
  await until('the end has come to the proxy, which holds it back', () => isHeard)
  await proxy.set('pass')
  await proxy.set('reset')
  await until('the proxy has no connection', () => proxy.stats().open === 0, { within: '5s' })
})
