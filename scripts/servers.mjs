// Finds redis-server and openssl, or gets them: from the system's package manager where that may install, else unpacked
// into .cache/servers of the repository.
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'

const PROGRAMS = ['redis-server', 'openssl']

/** How each package manager installs without asking; the first one on PATH is used. */
const MANAGERS = [
  {
    name: 'apt-get',
    before: [['update']],
    install: ['install', '-y', '--no-install-recommends'],
    packages: ['redis-server', 'openssl'],
  },
  { name: 'apk', before: [], install: ['add', '--no-cache'], packages: ['redis', 'openssl'] },
  { name: 'dnf', before: [], install: ['install', '-y'], packages: ['redis', 'openssl'] },
  { name: 'yum', before: [], install: ['install', '-y'], packages: ['redis', 'openssl'] },
  { name: 'pacman', before: [], install: ['-Sy', '--noconfirm'], packages: ['redis', 'openssl'] },
  {
    name: 'zypper',
    before: [],
    install: ['--non-interactive', 'install'],
    packages: ['redis', 'openssl'],
  },
  {
    name: 'brew',
    before: [],
    install: ['install'],
    packages: ['redis', 'openssl'],
    withoutRoot: true,
  },
]

/** @returns `{ folder }` to put before PATH where one is needed, or `{ problem }`: one line that says what to do. */
export function findServers(root) {
  const cache = join(root, '.cache', 'servers')
  const bin = join(cache, 'bin')
  const missing = () => PROGRAMS.filter((name) => !onPath(name) && !runs(join(bin, name)))
  if (missing().length > 0) install(missing)
  if (missing().length > 0 && onPath('apt-get') && onPath('dpkg-deb')) unpack(cache, bin)
  const still = missing()
  if (still.length > 0) {
    const advice =
      'install it with your package manager (Debian: apt-get install redis-server openssl), then run this again'
    return {
      problem: `The tests need ${still.join(' and ')}, which could not be installed: ${advice}.`,
    }
  }
  return { folder: existsSync(bin) ? bin : undefined }
}

function install(missing) {
  const manager = MANAGERS.find(({ name }) => onPath(name))
  if (manager === undefined) return
  const isRoot = process.getuid?.() === 0
  let prefix = []
  if (!isRoot && !manager.withoutRoot) {
    // Only where it needs no password: a script must not stop and ask.
    if (!onPath('sudo') || run('sudo', ['-n', 'true']).status !== 0) return
    prefix = ['sudo', '-n']
  }
  console.error(`${missing().join(' and ')} not found: installing with ${manager.name}`)
  for (const words of [...manager.before, [...manager.install, ...manager.packages]]) {
    const [program, ...args] = [...prefix, manager.name, ...words]
    // Without a runlevel Debian would also start the server as a service.
    run(program, args, { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' })
  }
}

/** Downloads the packages with a package state of our own and unpacks them beside a wrapper that knows their libraries. */
function unpack(cache, bin) {
  console.error(
    'redis-server or openssl not found, and nothing may be installed: unpacking them into .cache/servers',
  )
  const archives = join(cache, 'archives')
  const lists = join(cache, 'lists')
  const tree = join(cache, 'root')
  for (const folder of [join(archives, 'partial'), join(lists, 'partial'), tree, bin]) {
    mkdirSync(folder, { recursive: true })
  }
  const settings = [
    `Dir::State::lists=${lists}`,
    `Dir::Cache=${cache}`,
    `Dir::Cache::archives=${archives}`,
    'Debug::NoLocking=true',
    'APT::Sandbox::User=',
  ].flatMap((setting) => ['-o', setting])
  run('apt-get', [...settings, 'update'])
  run('apt-get', [
    ...settings,
    'install',
    '-y',
    '--no-install-recommends',
    '--download-only',
    'redis-server',
    'openssl',
  ])
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    run('dpkg-deb', ['-x', join(archives, file), tree])
  }
  for (const name of PROGRAMS) {
    const program = join(tree, 'usr', 'bin', name)
    if (!existsSync(program)) continue
    const libraries = ['usr/lib', 'lib'].flatMap((base) => [
      join(tree, base),
      ...archFolders(join(tree, base)),
    ])
    const wrapper = join(bin, name)
    writeFileSync(
      wrapper,
      `#!/bin/sh\nexport OPENSSL_CONF='${tree}/etc/ssl/openssl.cnf'\nLD_LIBRARY_PATH='${libraries.join(':')}' exec '${program}' "$@"\n`,
    )
    chmodSync(wrapper, 0o755)
  }
}

function archFolders(folder) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => join(folder, name))
}

function run(program, args, extra = {}) {
  return spawnSync(program, args, {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...extra },
  })
}

function runs(program) {
  return (
    existsSync(program) &&
    run(program, [program.endsWith('openssl') ? 'version' : '--version']).status === 0
  )
}

function onPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return folder !== ''
    } catch {
      return false // not there, or not to be run
    }
  })
}
