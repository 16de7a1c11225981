import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { promisify } from 'node:util'
import { expectNoLeaks, startRedis } from '@hitbox/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { built } from './support/built.ts'

describe('expectNoLeaks', () => {
  const cleanups: (() => unknown)[] = []
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0)) await cleanup()
  })
  const within = { within: '150ms' } as const

  it('gives back what was returned when nothing is left', async () => {
    const result = await expectNoLeaks(async () => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const client = createConnection({ host: '127.0.0.1', port })
      await once(client, 'connect')
      client.destroy()
      server.close()
      return 42
    })
    expect(result).toBe(42)
  })

  it('finds nothing after a real server was started and stopped', async () => {
    await expectNoLeaks(async () => {
      const server = await startRedis()
      await server.command('PING')
      await server.stop()
    })
  })

  it('passes on what is thrown', async () => {
    const failing = expectNoLeaks(() => Promise.reject(new Error('its own')))
    await expect(failing).rejects.toThrow('its own')
  })

  it('finds a timer, also one that keeps nothing alive', async () => {
    const leaking = expectNoLeaks(() => {
      const timer = setInterval(() => {}, 60_000)
      timer.unref()
      cleanups.push(() => clearInterval(timer))
    }, within)
    await expect(leaking).rejects.toThrow('left behind: Timeout')
  })

  it('finds a server and its sockets', async () => {
    const leaking = expectNoLeaks(async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as { port: number }
      const client = createConnection({ host: '127.0.0.1', port })
      await once(client, 'connect')
      client.unref()
      cleanups.push(
        () => client.destroy(),
        () => server.close(),
      )
    }, within)
    await expect(leaking).rejects.toThrow(/TCPSERVERWRAP.*TCPWRAP|TCPWRAP.*TCPSERVERWRAP/)
  })

  it('finds a child process', async () => {
    const leaking = expectNoLeaks(() => {
      const child = spawn('sleep', ['60'])
      cleanups.push(() => child.kill('SIGKILL'))
    }, within)
    await expect(leaking).rejects.toThrow(/PROCESSWRAP|ProcessWrap/)
  })

  it('finds a listener on the process', async () => {
    const listener = (): void => {}
    const leaking = expectNoLeaks(() => {
      process.on('exit', listener)
      cleanups.push(() => process.off('exit', listener))
    }, within)
    await expect(leaking).rejects.toThrow('listener on "exit"')
  })

  // In a process of its own, since the runner takes unhandled rejections for failures of its own.
  it.each([
    ["void Promise.reject(new Error('stray'))", 'rejection'],
    ["setTimeout(() => { throw new Error('stray') }, 1)", 'exception'],
  ])('finds what nobody handled: %s', async (leak) => {
    const script = `
      import { expectNoLeaks } from ${JSON.stringify(await built())}
      await expectNoLeaks(() => { ${leak} }).catch((error) => console.log(error.message, error.cause.message))`
    const args = ['--input-type=module', '-e', script]
    const { stdout } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toBe('an error was left unhandled stray\n')
  })
})
