import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { once } from 'node:events'
import { connect as connectTls } from 'node:tls'
import { promisify } from 'node:util'
import { CacheError } from '@hitbox/core'
import { startRedis, until } from '@hitbox/testing'
import { describe, expect, it, vi } from 'vitest'
import { built } from './support/built.ts'
import { talk } from './support/talk.ts'

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('startRedis', () => {
  it('answers on its port and its unix socket, and is gone with its files after stop', async () => {
    const server = await startRedis()
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`)
    expect(await talk(server, 'PING\r\n', '+PONG')).toBe('+PONG\r\n')
    expect(await server.command('SET', 'k', 'wörd')).toBe('OK')
    expect(await server.command('GET', 'k')).toBe('wörd')
    expect(await server.commandBytes('GET', 'k')).toEqual(new TextEncoder().encode('wörd'))
    expect(await server.command('GET', 'none')).toBeNull()
    expect(await server.command('MGET', 'k', 'none')).toEqual(['wörd', null])
    await expect(server.command('NONSENSE')).rejects.toThrow('ERR unknown command')
    expect((await server.commandCalls())['get']).toBe(3)
    await server.stop()
    expect(isAlive(server.pid)).toBe(false)
    expect(existsSync(dirname(server.unixSocket))).toBe(false)
    await server.stop()
  })

  it('starts many at once without a collision', async () => {
    const servers = await Promise.all(Array.from({ length: 8 }, () => startRedis()))
    try {
      expect(new Set(servers.map(({ port }) => port)).size).toBe(8)
      for (const server of servers) expect(await server.command('PING')).toBe('PONG')
    } finally {
      await Promise.all(servers.map((server) => server.stop()))
    }
  })

  it('fails, and leaves nothing, on a port that is taken', async () => {
    await using first = await startRedis()
    const second = startRedis({ port: first.port })
    await expect(second).rejects.toSatisfy((error) => CacheError.is(error, 'BACKEND_FAILED'))
  })

  it('freezes and goes on', async () => {
    await using server = await startRedis()
    server.pause()
    const answer = server.command('PING')
    const early = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 100))])
    expect(early).toBeUndefined()
    server.resume()
    expect(await answer).toBe('PONG')
  })

  it('can be killed, even when frozen, and started again on the same port and data', async () => {
    await using server = await startRedis({
      config: ['--appendonly', 'yes', '--appendfsync', 'always'],
    })
    const { port, pid } = server
    await server.command('SET', 'k', 'v')
    server.pause()
    await server.kill()
    expect(isAlive(pid)).toBe(false)
    await expect(server.command('PING')).rejects.toThrow()
    await server.restart()
    expect(server.port).toBe(port)
    expect(server.pid).not.toBe(pid)
    expect(await server.command('GET', 'k')).toBe('v')
    await server.restart()
    expect(await server.command('GET', 'k')).toBe('v')
  })

  it('knows passwords and users', async () => {
    await using server = await startRedis({
      password: 'p w',
      aclUsers: [{ name: 'app', password: 'secret', rules: '~app:* +@all' }],
    })
    expect(server.url).toBe(`redis://:p%20w@127.0.0.1:${server.port}`)
    expect(await server.command('ACL', 'WHOAMI')).toBe('default')
    expect(await talk(server, 'PING\r\n', '-NOAUTH')).toContain('NOAUTH')
    expect(await talk(server, 'AUTH app wrong\r\n', '-')).toContain('WRONGPASS')
    const lines = 'AUTH app secret\r\nSET app:1 x\r\nSET other x\r\n'
    expect(await talk(server, lines, 'NOPERM')).toMatch(/^\+OK\r\n\+OK\r\n-NOPERM/)
    await using plain = await startRedis({ password: 'only' })
    expect(await talk(plain, 'AUTH only\r\n', '+OK')).toContain('OK')
  })

  it('encrypts, and is trusted by its own authority only', async () => {
    await using server = await startRedis({ tls: true })
    expect(server.url).toMatch(/^rediss:/)
    expect(await talk(server, 'PING\r\n', '+PONG')).toBe('+PONG\r\n')
    const { host, port } = server
    const stranger = connectTls({ host, port, ca: [], servername: 'localhost' })
    await expect(once(stranger, 'secureConnect')).rejects.toThrow(/self-signed|unable to/)
  })

  it('runs out of memory where it is told to', async () => {
    await using server = await startRedis({ maxMemory: '3mb', maxMemoryPolicy: 'noeviction' })
    const fill = async (): Promise<void> => {
      for (let index = 0; index < 40; index += 1)
        await server.command('SET', `k${index}`, new Uint8Array(100_000))
    }
    await expect(fill()).rejects.toThrow(/OOM/)
    expect(await server.command('GET', 'k0')).toHaveLength(100_000)
  })

  it('starts the program it is told to, by option or by environment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'hitbox-testing-'))
    const started = join(folder, 'started')
    const program = join(folder, 'other-server')
    await writeFile(program, `#!/bin/sh\necho "$0" >>'${started}'\nexec redis-server "$@"\n`)
    await chmod(program, 0o755)
    try {
      await (await startRedis({ server: program })).stop()
      vi.stubEnv('HITBOX_REDIS_SERVER', program)
      await (await startRedis()).stop()
      vi.unstubAllEnvs()
      await (await startRedis()).stop()
      expect(await readFile(started, 'utf8')).toBe(`${program}\n${program}\n`)
    } finally {
      vi.unstubAllEnvs()
      await rm(folder, { recursive: true })
    }
  })

  it('refuses unknown options, bad ports and programs that are not there', async () => {
    const codeOf = (options: object): Promise<string> =>
      startRedis(options).then(
        () => 'started',
        (error: unknown) => (CacheError.is(error) ? error.code : String(error)),
      )
    expect(await codeOf({ prot: 1 })).toBe('INVALID_OPTION')
    expect(await codeOf({ port: 0 })).toBe('INVALID_OPTION')
    expect(await codeOf({ server: 'no-such-server' })).toBe('UNSUPPORTED')
    expect(await codeOf({ server: '/no/such/server' })).toBe('UNSUPPORTED')
    expect(await codeOf({ config: ['--no-such-setting', 'x'] })).toBe('BACKEND_FAILED')
  })
})

describe('a server of a process', () => {
  it('lets the process end by itself, and ends with it', async () => {
    const script = `
      import { startRedis } from ${JSON.stringify(await built())}
      const server = await startRedis()
      await server.command('PING')
      console.log(server.pid)`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', script],
      { timeout: 20_000 },
    )
    await until('the server is gone', () => !isAlive(Number(stdout)))
  })

  it('ends with it even when it is killed, and its files go', async () => {
    const script = `
      import { startRedis } from ${JSON.stringify(await built())}
      const server = await startRedis()
      console.log(server.pid + ' ' + server.unixSocket)
      setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script])
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const [pid, socket] = line.toString().trim().split(' ') as [string, string]
    expect(isAlive(Number(pid))).toBe(true)
    child.kill('SIGKILL')
    await until('the server is gone', () => !isAlive(Number(pid)) && !existsSync(dirname(socket)))
  })
})
