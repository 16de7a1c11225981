import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CacheBackend, urlEncoded } from '@hitbox/core'
import { backendContract, type BackendSubject, casesFor, type RawAccess } from '@hitbox/testing'
import { open } from 'lmdb'
import { afterAll, describe, it } from 'vitest'
import { lmdbBackend, type LmdbBackendOptions } from '../src/index.ts'
import { STAMP_BYTES } from '../src/stamp.ts'

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

/** What lies in the file, past the backend. */
function rawAccess(backend: CacheBackend): RawAccess {
  const path = pathOf.get(backend) as string
  const table = async <T>(use: (entries: ReturnType<typeof openEntries>) => T): Promise<T> => {
    const name = readdirSync(path).find((file) => file.endsWith('.mdb')) as string
    const entries = openEntries(join(path, name))
    try {
      return use(entries)
    } finally {
      await entries.close()
    }
  }
  return {
    read: (key) =>
      table((entries) => {
        const stored = entries.getBinary(Buffer.from(urlEncoded.encode(key)))
        return stored && new Uint8Array(stored.subarray(STAMP_BYTES))
      }),
    write: (key, bytes) =>
      table((entries) => {
        const storeKey = Buffer.from(urlEncoded.encode(key))
        const stamp = entries.getBinary(storeKey)?.subarray(0, STAMP_BYTES)
        entries.putSync(storeKey, Buffer.concat([stamp ?? Buffer.alloc(STAMP_BYTES, 255), bytes]))
      }),
  }
}

function openEntries(path: string): ReturnType<typeof open<Buffer, Uint8Array>> {
  const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const
  const root = open<Buffer, Uint8Array>({ ...bytes, path, noSubdir: true, maxDbs: 4, noSync: true })
  const entries = root.openDB('entries', bytes)
  return Object.assign(Object.create(entries), { close: () => root.close() })
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
