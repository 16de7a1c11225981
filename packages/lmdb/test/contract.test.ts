import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CacheBackend, urlEncoded } from '@hitbox/core'
import { backendContract, type BackendSubject, casesFor, type RawAccess } from '@hitbox/testing'
import { afterAll, describe, it } from 'vitest'
import { lmdbBackend, type LmdbBackendOptions } from '../src/index.ts'
import { STAMP_BYTES } from '../src/stamp.ts'
import { type EntriesOfFile, openEntries } from './entries-of-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'hitbox-lmdb-contract-'))
const pathOf = new WeakMap<CacheBackend, string>()
let count = 0

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

function openAt(path: string, options: Omit<LmdbBackendOptions, 'path'> = {}): CacheBackend {
  const backend = lmdbBackend({ path, maxValueBytes: 4_000_000, ...options })
  pathOf.set(backend, path)
  return backend
}

function rawAccess(backend: CacheBackend): RawAccess {
  const use = async <T>(look: (table: EntriesOfFile['table']) => T): Promise<T> => {
    const entries = openEntries(pathOf.get(backend) as string)
    try {
      return look(entries.table)
    } finally {
      await entries.close()
    }
  }
  return {
    read: (key) =>
      use((table) => {
        const stored = table.getBinary(Buffer.from(urlEncoded.encode(key)))
        return stored && new Uint8Array(stored.subarray(STAMP_BYTES))
      }),
    write: (key, bytes) =>
      use((table) => {
        const storeKey = Buffer.from(urlEncoded.encode(key))
        const stamp = table.getBinary(storeKey)?.subarray(0, STAMP_BYTES)
        table.putSync(storeKey, Buffer.concat([stamp ?? Buffer.alloc(STAMP_BYTES, 255), bytes]))
      }),
  }
}

const subject: BackendSubject = {
  open: (options) => openAt(join(folder, String((count += 1))), options),
  capabilities: {
    clock: 'the store counts by the wall clock, which all processes share',
    copies: true,
    structured: true,
    meta: true,
    sync: true,
    peek: 'a value of a file is not in this process',
    clear: 'other processes share the store',
    events: true,
    limit: 4_000_000,
    misspelt: () => lmdbBackend({ path: folder, pth: folder } as LmdbBackendOptions),
    reopen: async (backend) => {
      await backend.close()
      return openAt(pathOf.get(backend) as string)
    },
    join: (backend) => openAt(pathOf.get(backend) as string),
    raw: rawAccess,
    commands: 'there is no server',
    faults: 'there is no server',
  },
}

describe('lmdbBackend keeps the contract:', () => {
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})
