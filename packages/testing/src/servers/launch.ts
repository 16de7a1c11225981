import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CacheError } from '@hitbox/core'
import { freePort } from './free-port.ts'
import { LocalRedis } from './local-redis.ts'
import type { RedisOptions } from './redis-server.ts'
import { serverProgram } from './server-program.ts'
import { makeTlsFiles, type TlsFiles } from './tls-files.ts'

/** What one kind of server needs besides the options; asked again for every port that is tried. */
export type Prepare = (folder: string) => Promise<{
  /** Path of a configuration file. */
  readonly file?: string | undefined
  readonly settings: readonly string[]
}>

const ATTEMPTS = 20

/** Starts a server on the port asked for, or on one after the other until one is free. */
export async function launch(options: RedisOptions, prepare?: Prepare): Promise<LocalRedis> {
  const program = serverProgram(options.server)
  const folder = await mkdtemp(join(tmpdir(), 'hitbox-redis-'))
  try {
    const tls = options.tls === true ? await makeTlsFiles(folder) : undefined
    const settings = await settingsOf(options, folder, tls)
    for (let attempt = 1; ; attempt += 1) {
      const { file, settings: more = [] } = (await prepare?.(folder)) ?? {}
      const command = [program, ...(file === undefined ? [] : [file]), ...settings, ...more]
      const port = options.port ?? (await freePort())
      const server = new LocalRedis({ command, folder, port, tls, password: options.password })
      const trouble = await server.start()
      if (trouble === undefined) return server
      if (!trouble.portTaken || options.port !== undefined || attempt === ATTEMPTS)
        throw startFailed(trouble.log)
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function settingsOf(
  options: RedisOptions,
  folder: string,
  tls: TlsFiles | undefined,
): Promise<readonly string[]> {
  const { password, aclUsers = [], maxMemory, maxMemoryPolicy, config = [] } = options
  const settings = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0']
  if (aclUsers.length > 0) {
    // An ACL file replaces what requirepass says, so the default user stands in it too.
    const own = password === undefined ? 'nopass' : hash(password)
    const lines = [`user default on ${own} ~* &* +@all`]
    for (const user of aclUsers)
      lines.push(`user ${user.name} on ${hash(user.password)} ${user.rules ?? '~* &* +@all'}`)
    await writeFile(join(folder, 'users.acl'), `${lines.join('\n')}\n`)
    settings.push('--aclfile', join(folder, 'users.acl'))
  } else if (password !== undefined) settings.push('--requirepass', password)
  if (tls !== undefined) {
    settings.push('--tls-ca-cert-file', tls.caPath, '--tls-cert-file', tls.certPath)
    settings.push('--tls-key-file', tls.keyPath, '--tls-auth-clients', 'no')
  }
  if (maxMemory !== undefined) settings.push('--maxmemory', maxMemory)
  if (maxMemoryPolicy !== undefined) settings.push('--maxmemory-policy', maxMemoryPolicy)
  return [...settings, ...config]
}

/** A password as an ACL file takes it, whatever characters it has. */
function hash(password: string): string {
  return `#${createHash('sha256').update(password).digest('hex')}`
}

function startFailed(log: string): CacheError<'BACKEND_FAILED'> {
  const said = log.trim().split('\n').slice(-5).join('\n')
  const details = { source: 'redis-server', operation: 'connect' } as const
  return new CacheError('BACKEND_FAILED', `the server did not start: ${said}`, { details })
}
