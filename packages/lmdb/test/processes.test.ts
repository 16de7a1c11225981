import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheValue } from '@hitbox/core'
import { until } from '@hitbox/testing'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lmdbBackend } from '../src/index.ts'
import { bundleProgram, startProgram } from './child/start.ts'
import { openEntries } from './entries-of-file.ts'
import { pattern } from './pattern.ts'

let program: string
let path: string

beforeAll(async () => {
  program = await bundleProgram()
}, 60_000)
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'hitbox-lmdb-'))
})
afterEach(() => {
  rmSync(path, { recursive: true, force: true })
})

describe('lmdbBackend, shared by processes', () => {
  it('lets another process read what was set, from the moment set has answered', async () => {
    const reader = startProgram(program, 'answer', { path })
    expect(await reader.nextLine()).toBe('ready')
    const backend = lmdbBackend({ path })
    for (let turn = 0; turn < 200; turn += 1) {
      await backend.set('key', cacheValue(turn, { ttl: '1m' }))
      reader.process.stdin?.write('key\n')
      expect(await reader.nextLine()).toBe(String(turn))
    }
    await backend.delete('key')
    reader.process.stdin?.write('key\n')
    expect(await reader.nextLine()).toBe('null')
    await backend.close()
    reader.process.stdin?.end()
    expect(await reader.ended).toBe(0)
  }, 30_000)

  it('keeps values whole while several processes write and read at once', async () => {
    const options = { path, maxBytes: 16 * 2 ** 20, count: 1_500, keys: 50 }
    const children = ['a', 'b', 'c'].map((name) =>
      startProgram(program, 'writeAndRead', { ...options, name }),
    )
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0])
    const backend = lmdbBackend({ path })
    for (let key = 0; key < 50; key += 1) {
      const found = await backend.get<ReturnType<typeof pattern>>(`shared:${key}`)
      expect(found?.data.text).toBe(pattern(found!.data.writer, found!.data.turn).text)
    }
    await backend.close()
  }, 60_000)

  it('lets processes share a store that one of them has made larger than its own limit', async () => {
    const small = lmdbBackend({ path, maxBytes: 2 ** 20 })
    await small.set('before', cacheValue('small', { ttl: '1h' }))
    const child = startProgram(program, 'writeAndRead', {
      path,
      maxBytes: 2 ** 28,
      count: 9_000,
      keys: 9_000,
      name: 'large',
    })
    expect(await child.ended).toBe(0)
    expect((await small.get('before'))?.data).toBe('small')
    expect((await small.get<ReturnType<typeof pattern>>('shared:8999'))?.data.turn).toBe(8999)
    await small.close()
  }, 60_000)

  it('lets several processes sweep at once', async () => {
    const children = ['a', 'b', 'c'].map(() =>
      startProgram(program, 'sweep', { path, sweepEvery: '10ms' }),
    )
    await Promise.all(children.map((child) => child.nextLine()))
    const backend = lmdbBackend({ path, sweepEvery: '1d' })
    for (let turn = 0; turn < 3_000; turn += 1) {
      await backend.set(`ends:${turn}`, cacheValue(turn, { ttl: '40ms' }))
    }
    await backend.set('stays', cacheValue(1, { ttl: '1h' }))
    const inFile = openEntries(path)
    await until('all have been swept', () => inFile.count() === 1, { within: '10s' })
    await inFile.close()
    for (const child of children) child.process.stdin?.end()
    expect(await Promise.all(children.map((child) => child.ended))).toEqual([0, 0, 0])
    expect((await backend.get('stays'))?.data).toBe(1)
    await backend.close()
  }, 30_000)

  it('does not keep a process alive', async () => {
    const child = startProgram(program, 'setAndLeave', { path })
    expect(await child.ended).toBe(0)
    const backend = lmdbBackend({ path })
    expect((await backend.get('left'))?.data).toBe(1)
    await backend.close()
  }, 30_000)
})

describe('lmdbBackend, killed', () => {
  it('opens again with every acknowledged value, whole, after each of many kills in the midst of writing', async () => {
    const keys = 40
    for (let round = 0; round < 12; round += 1) {
      const names = round % 2 === 0 ? ['a'] : ['a', 'b']
      const children = names.map((name) =>
        startProgram(program, 'writeForEver', { path, maxBytes: 64 * 2 ** 20, name, keys }),
      )
      const enough = 2 * keys + Math.floor(Math.random() * 400)
      await Promise.all(
        children.map(async (child) => {
          for (let line = 0; line < enough; line += 1) await child.nextLine()
          child.process.kill('SIGKILL')
        }),
      )
      expect(await Promise.all(children.map((child) => child.ended))).toEqual(
        names.map(() => 'SIGKILL'),
      )
      const backend = lmdbBackend({ path, maxBytes: 64 * 2 ** 20 })
      for (const [index, name] of names.entries()) {
        const last = Number(children[index]!.lines.at(-1))
        for (let key = 0; key < keys; key += 1) {
          const acknowledged = last - ((last - key) % keys)
          const found = await backend.get<ReturnType<typeof pattern>>(`${name}:${key}`)
          // One more write may have been committed whose acknowledgement was killed with its writer.
          expect([acknowledged, acknowledged + keys]).toContain(found?.data.turn)
          expect(found?.data).toEqual(pattern(name, found!.data.turn))
        }
      }
      expect(backend.stats()).toMatchObject({ errors: 0, dropped: {} })
      await backend.set('after', cacheValue(round, { ttl: '1h' }))
      expect((await backend.get('after'))?.data).toBe(round)
      await backend.close()
    }
  }, 120_000)
})
