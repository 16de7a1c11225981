import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { cpus, loadavg, platform, totalmem } from 'node:os'
import { dirname, join } from 'node:path'

export interface Machine {
  readonly system: string
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
}

export function machine(): Machine {
  const processors = cpus()
  return {
    system: `${platform()} ${process.arch}`,
    processor: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
}

export function loadAverage(): number {
  return loadavg()[0] ?? 0
}

/** Of node, V8, the server, and these packages as they are installed. */
export function versionsOf(packages: readonly string[]): Readonly<Record<string, string>> {
  const { node, v8 } = process.versions
  const names = [...new Set(packages)].toSorted()
  return {
    node,
    v8,
    'redis-server': serverVersion(),
    ...Object.fromEntries(names.map((name) => [name, versionOf(name)])),
  }
}

function serverVersion(): string {
  try {
    const program = process.env['HITBOX_REDIS_SERVER'] ?? 'redis-server'
    const told = execFileSync(program, ['--version'], { encoding: 'utf8' })
    return /v=(\S+)/.exec(told)?.[1] ?? told.trim()
  } catch {
    // Cases that need it will say what is wrong with it.
    return 'unknown'
  }
}

/** Not every package exports its manifest, so it is looked for above what it does export. */
function versionOf(name: string): string {
  const { resolve } = createRequire(import.meta.url)
  try {
    let folder = dirname(
      resolve
        .paths(name)
        ?.map((path) => join(path, name, '_'))
        .find(hasManifest) ?? '',
    )
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      version: string
    }
    return manifest.version
  } catch {
    return 'unknown'
  }
}

function hasManifest(path: string): boolean {
  try {
    readFileSync(join(dirname(path), 'package.json'))
    return true
  } catch {
    return false
  }
}
