import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { CacheError } from '@hitbox/core'

/** Environment variable that names another program than `redis-server`, for example a newer release or Valkey. */
const VARIABLE = 'HITBOX_REDIS_SERVER'

/**
 * The server to start: the one asked for, the one the environment names, or `redis-server`.
 *
 * @throws {@link CacheError} `UNSUPPORTED` when there is no such program.
 */
export function serverProgram(asked: string | undefined): string {
  const name = asked ?? process.env[VARIABLE] ?? 'redis-server'
  const program = findProgram(name)
  if (program !== undefined) return program
  const message = `"${name}" is not an executable program: install redis-server, or set ${VARIABLE} to its path`
  throw new CacheError('UNSUPPORTED', message, { details: { feature: 'redis-server' } })
}

function findProgram(name: string): string | undefined {
  if (isAbsolute(name) || name.includes('/')) return isExecutable(name) ? resolve(name) : undefined
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false // whatever stands in the way, it cannot be run
  }
}
