import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CacheBackend, cacheValue } from '@hitbox/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lmdbBackend } from '../src/index.ts'

let path: string
const opened: CacheBackend[] = []
const open = (options: object = {}): CacheBackend => {
  const backend = lmdbBackend({ path, ...options })
  opened.push(backend)
  return backend
}
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'hitbox-lmdb-'))
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((backend) => backend.close()))
  rmSync(path, { recursive: true, force: true })
})

describe('lmdbBackend', () => {
  it('keeps a value over closing and opening', async () => {
    const first = open()
    await first.set('a', cacheValue({ name: 'Ada' }, { ttl: '1m' }))
    expect((await first.get('a'))?.data).toEqual({ name: 'Ada' })
    await first.close()
    const second = open()
    expect((await second.get('a'))?.data).toEqual({ name: 'Ada' })
    expect(await second.delete('a')).toEqual({ status: 'deleted', count: 1 })
    expect(await second.delete('a')).toEqual({ status: 'missing', count: 0 })
    expect(await second.get('a')).toBeUndefined()
  })
})
