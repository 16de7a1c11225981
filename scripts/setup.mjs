// Prepares a machine that has only Node.js and npm, then runs one script of the root package:
//   node scripts/setup.mjs [--servers] SCRIPT [ARGUMENTS…]
// With --servers it also finds or fetches redis-server and openssl, which the tests start and use.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { findServers } from './servers.mjs'

const root = join(import.meta.dirname, '..')
const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const [first, ...others] = process.argv.slice(2)
const withServers = first === '--servers'
const [script, ...args] = withServers ? others : [first, ...others]

const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' }
// Set by npm for its own child; pnpm would read it as its own and hide its errors.
delete env.npm_config_loglevel

function pnpm(...words) {
  const { status, error } = spawnSync('npx', ['--yes', packageManager, ...words], {
    cwd: root,
    env,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

if (withServers) {
  const found = findServers(root)
  if (found.problem) {
    console.error(found.problem)
    process.exit(1)
  }
  if (found.folder) env.PATH = `${found.folder}${delimiter}${env.PATH ?? ''}`
}
pnpm(
  'install',
  '--frozen-lockfile',
  '--prefer-offline',
  '--reporter=append-only',
  '--loglevel=warn',
)
pnpm('run', script, ...args)
