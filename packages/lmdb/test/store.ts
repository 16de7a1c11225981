import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CacheBackend } from '@hitbox/core'
import { afterEach, beforeEach } from 'vitest'
import { lmdbBackend, type LmdbBackendOptions } from '../src/index.ts'

export interface StoreOfTest {
  /** A directory of its own for each test. */
  readonly path: string
  /** The data file in it. */
  readonly file: string
  open(options?: Partial<LmdbBackendOptions>): CacheBackend
}

/** Gives each test of a file a directory, and closes and removes what the test leaves. */
export function storeOfTest(): StoreOfTest {
  let path = ''
  const opened: CacheBackend[] = []
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'hitbox-lmdb-'))
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((backend) => backend.close()))
    rmSync(path, { recursive: true, force: true })
  })
  return {
    get path() {
      return path
    },
    get file() {
      return join(path, readdirSync(path).find((name) => name.endsWith('.mdb')) ?? 'none')
    },
    open: (options = {}) => {
      const backend = lmdbBackend({ path, ...options })
      opened.push(backend)
      return backend
    },
  }
}
