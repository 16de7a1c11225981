// Fetches servers newer than the system's own, for tests that run against several: Redis 8 and Valkey from a newer Debian, unpacked into
// .cache/newer-servers of the repository together with the libraries they need. Needs no root, and leaves the system as it is.
// As a command it prints the list as JSON.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

const SUITE = 'trixie'
const SERVERS = [
  { name: 'Redis', program: 'redis-server', wrapper: 'redis-server-8' },
  { name: 'Valkey', program: 'valkey-server', wrapper: 'valkey-server' },
]
const TOOLS = [{ program: 'redis-cli', wrapper: 'redis-cli-8' }]
// The servers lie in the packages of their tools. All that they load comes along, the C library too: the system's may be too old for them.
const PACKAGES = [
  'redis-server',
  'redis-tools',
  'valkey-server',
  'valkey-tools',
  'libatomic1',
  'libc6',
  'libcap2',
  'libgcc-s1',
  'libjemalloc2',
  'liblzf1',
  'libssl3t64',
  'libstdc++6',
  'libsystemd0',
  'libzstd1',
  'zlib1g',
]
/** How long any one program may take; apt gives up a host that is silent much sooner. */
const PATIENCE_MS = 300_000

/** @returns `[{ name: 'Redis 8.0.2', program }, …]`: those that run here, perhaps none; why one is lacking is said on stderr. */
export function findNewerServers(root) {
  const cache = join(root, '.cache', 'newer-servers')
  const tree = join(cache, SUITE)
  const problem = existsSync(tree) ? undefined : fetchTree(cache, tree)
  if (problem !== undefined) {
    console.error(`Redis 8 and Valkey are not to be had here: ${problem}`)
    return []
  }
  for (const tool of TOOLS) wrap(cache, tree, tool)
  return SERVERS.flatMap((server) => {
    const program = wrap(cache, tree, server)
    const version = program === undefined ? undefined : versionOf(program)
    if (version !== undefined) return [{ name: `${server.name} ${version}`, program }]
    console.error(
      `${server.name} of Debian ${SUITE} does not run here; to fetch it anew remove .cache/newer-servers`,
    )
    return []
  })
}

/** @returns what is in the way, or `undefined` when the tree is there. */
function fetchTree(cache, tree) {
  const source = debianSource()
  if (source === undefined) return 'no Debian, or none with a mirror that apt knows'
  const architecture = run('dpkg', ['--print-architecture']).stdout?.trim()
  if (!architecture) return 'no dpkg'
  console.error(`fetching Redis 8 and Valkey of Debian ${SUITE} into .cache/newer-servers`)
  // Another process may do the same at this moment: each works by itself, and the first one to be done puts its tree in place.
  const folder = `${tree}.${process.pid}`
  try {
    return download(folder, source, architecture) ?? unpack(folder, tree)
  } catch (error) {
    return error.message // such as a folder that may not be written
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Downloads the packages with a state of apt's that knows one suite and no package installed. */
function download(folder, { uri, signedBy }, architecture) {
  for (const name of ['lists/partial', 'archives/partial', 'sources']) {
    mkdirSync(join(folder, name), { recursive: true })
  }
  writeFileSync(join(folder, 'status'), '')
  const source = [
    'Types: deb',
    `URIs: ${uri}`,
    `Suites: ${SUITE}`,
    'Components: main',
    `Architectures: ${architecture}`,
    'Targets: Packages',
    ...(signedBy === undefined ? [] : [`Signed-By: ${signedBy}`]),
  ]
  writeFileSync(join(folder, 'sources', `${SUITE}.sources`), `${source.join('\n')}\n`)
  const settings = join(folder, 'apt.conf')
  writeFileSync(settings, aptSettings(folder, architecture))
  for (const words of [['update'], ['download', ...PACKAGES]]) {
    const result = run('apt-get', ['-c', settings, ...words], { cwd: join(folder, 'archives') })
    if (result.status !== 0) return `apt-get ${words[0]} failed${reason(result)}`
  }
  return undefined
}

/** Read after the system's own settings, of which proxies and the like count on. */
function aptSettings(folder, architecture) {
  const settings = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Cache::archives': join(folder, 'archives'),
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(folder, 'sources'),
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'APT::Architecture': architecture,
    'APT::Default-Release': '',
    // Root downloads as a user who may not be able to write into the repository.
    'APT::Sandbox::User': '',
    'APT::Update::Error-Mode': 'any',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '1',
    'Acquire::http::Timeout': '10',
    'Acquire::https::Timeout': '10',
  }
  // Lists are added to unless they are cleared. What the system does after an update, such as to empty its cache, it shall not do now.
  const cleared = [
    'APT::Architectures',
    'APT::Update::Pre-Invoke',
    'APT::Update::Post-Invoke',
    'APT::Update::Post-Invoke-Success',
  ]
  return [
    ...cleared.map((name) => `#clear ${name};`),
    ...Object.entries(settings).map(([name, value]) => `${name} "${value}";`),
    '',
  ].join('\n')
}

function unpack(folder, tree) {
  const archives = join(folder, 'archives')
  const unpacked = join(folder, 'tree')
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const result = run('dpkg-deb', ['-x', join(archives, file), unpacked])
    if (result.status !== 0) return `dpkg-deb failed${reason(result)}`
  }
  try {
    renameSync(unpacked, tree)
  } catch (error) {
    if (!existsSync(tree)) throw error // else another process was first
  }
  return undefined
}

/** @returns the program that runs what was unpacked with the loader and the libraries beside it; `undefined` where it is not. */
function wrap(cache, tree, { program, wrapper }) {
  const libraries = join(tree, 'usr', 'lib')
  const loader = readdirSync(libraries, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-gnu'))
    .flatMap(({ name }) => readdirSync(join(libraries, name)).map((file) => join(name, file)))
    .find((path) => /\/ld-linux[^/]*\.so\.\d+$/.test(path))
  const file = join(tree, 'usr', 'bin', program)
  if (loader === undefined || !existsSync(file)) return undefined
  const path = join(libraries, loader)
  // A server that restarts itself begins with the name it was called by: that of the wrapper, as its file alone would not find
  // its libraries. The system's OpenSSL may have settings that this one does not know.
  const script = `#!/bin/sh
export OPENSSL_CONF=/dev/null
exec ${quoted(path)} --argv0 "$0" --library-path ${quoted(join(path, '..'))} ${quoted(file)} "$@"
`
  const bin = join(cache, 'bin')
  const target = join(bin, wrapper)
  if (!existsSync(target) || readFileSync(target, 'utf8') !== script) {
    mkdirSync(bin, { recursive: true })
    writeFileSync(`${target}.${process.pid}`, script, { mode: 0o755 })
    renameSync(`${target}.${process.pid}`, target)
  }
  return target
}

function versionOf(program) {
  const { status, stdout } = run(program, ['--version'])
  return status === 0 ? / v=([\d.]+)/.exec(stdout)?.[1] : undefined
}

/** The archive that this system's own packages come from. */
function debianSource() {
  if (!/^ID="?debian"?$/m.test(textOf('/etc/os-release'))) return undefined
  const stanzas = textOf('/etc/apt/sources.list.d/debian.sources').split(/\n\s*\n/)
  return (
    stanzas.map(sourceOfStanza).find(Boolean) ??
    textOf('/etc/apt/sources.list').split('\n').map(sourceOfLine).find(Boolean)
  )
}

function sourceOfStanza(stanza) {
  const field = (name) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'im').exec(stanza)?.[1].trim()
  const [uri] = field('URIs')?.split(/\s+/) ?? []
  const on = field('Enabled') !== 'no' && field('Types')?.split(/\s+/).includes('deb')
  if (!on || uri === undefined || !isWholeSuite(field('Suites'))) return undefined
  const signedBy = field('Signed-By')
  return { uri, signedBy: signedBy?.startsWith('/') ? signedBy : undefined }
}

function sourceOfLine(line) {
  const [, options = '', uri, suites] =
    /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(?!cdrom:)(\S+)\s+(\S+)/.exec(line) ?? []
  if (uri === undefined || !isWholeSuite(suites)) return undefined
  return { uri, signedBy: /\bsigned-by=(\/\S+)/i.exec(options)?.[1] }
}

/** Not one that only adds to another, such as `-security`: those may lie elsewhere. */
function isWholeSuite(suites) {
  return suites !== undefined && /^[a-z]+(?:\s|$)/.test(suites)
}

function textOf(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // not this kind of system
  }
}

/** The first thing that a program complained of, or why it did not run, as the end of a sentence. */
function reason({ stderr, error }) {
  const line = error?.message ?? stderr.split('\n').find((text) => text.trim() !== '')
  return line === undefined ? '' : `: ${line.trim()}`
}

function quoted(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function run(program, args, { cwd } = {}) {
  return spawnSync(program, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: PATIENCE_MS,
    env: { ...process.env, LC_ALL: 'C' },
  })
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) {
  console.log(JSON.stringify(findNewerServers(join(import.meta.dirname, '..')), undefined, 2))
}
