// Uses a backend written for this example, and proves it with the contract that every backend of Hitbox keeps.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { type CacheBackend, cacheValue, urlEncoded } from '@hitbox/core'
import { backendContract, type BackendSubject, casesFor, contractReport } from '@hitbox/testing'
import { fileBackend } from './file-backend.ts'

const root = mkdtempSync(join(tmpdir(), 'hitbox-files-'))
const folders = new WeakMap<CacheBackend, string>()

function openIn(folder: string, options: Parameters<BackendSubject['open']>[0] = {}): CacheBackend {
  const backend = fileBackend({ folder, ...options })
  folders.set(backend, folder)
  return backend
}

function folderOf(backend: CacheBackend): string {
  return folders.get(backend) ?? root
}

function fileOf(backend: CacheBackend, key: string): string {
  const name = createHash('sha256').update(urlEncoded.encode(key)).digest('hex')
  return join(folderOf(backend), name)
}

const subject: BackendSubject = {
  open: (options) => openIn(mkdtempSync(join(root, 'case-')), { onEvent: options.onEvent }),
  capabilities: {
    clock: 'the age of a file is told by the clock of the machine',
    copies: true,
    structured: true,
    meta: true,
    sync: 'files are read and written off the event loop',
    peek: 'nothing is kept in this process',
    clear: 'other processes share the folder',
    events: true,
    limit: 2 ** 20,
    misspelt: () => fileBackend({ folder: root, foldr: root } as never),
    reopen: async (backend) => {
      await backend.close()
      return openIn(folderOf(backend))
    },
    join: (backend) => openIn(folderOf(backend)),
    raw: (backend) => ({
      read: async (key) =>
        existsSync(fileOf(backend, key)) ? readFile(fileOf(backend, key)) : undefined,
      write: (key, bytes) => writeFile(fileOf(backend, key), bytes),
    }),
    commands: 'there is no server to count commands',
    faults: 'there is no server that could fail',
  },
}

let failures = 0
try {
  const files = openIn(mkdtempSync(join(root, 'show-')))
  await files.set(['user', 42], cacheValue({ name: 'Ada', born: new Date(0) }, { ttl: '10m' }))
  console.log('read back:', (await files.get(['user', 42]))?.data)
  console.log('files:    ', readdirSync(folderOf(files)).length)
  await files.close()

  const cases = casesFor(backendContract, subject)
  for (const promise of cases) {
    try {
      await promise.run(subject)
    } catch (error) {
      failures += 1
      console.log(`FAILED ${promise.id} ${promise.title}\n${String(error)}`)
    }
  }
  console.log(`contract:  ${cases.length - failures} of ${cases.length} cases kept`)
  for (const { id, title, reason } of contractReport(backendContract, subject).notApplicable) {
    console.log(`  not applicable: ${id} ${title} (${reason})`)
  }
} finally {
  rmSync(root, { recursive: true, force: true })
}
process.exitCode = failures === 0 ? 0 : 1
