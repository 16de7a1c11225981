import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { CacheError, cacheValue, type CacheBackend } from '@hitbox/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { bundleProgram, startProgram } from './child/start.ts'
import { storeOfTest } from './store.ts'

const store = storeOfTest()
const lasting = <T>(data: T) => cacheValue(data, { ttl: '1h' })
const isRoot = process.getuid?.() === 0

let program: string
beforeAll(async () => {
  program = await bundleProgram()
}, 60_000)

async function failure(backend: CacheBackend): Promise<CacheError<'BACKEND_FAILED'>> {
  const error = await backend.ready().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(CacheError.is(error, 'BACKEND_FAILED')).toBe(true)
  expect(() => backend.get('k')).toThrow(expect.objectContaining({ code: 'BACKEND_FAILED' }))
  return error as CacheError<'BACKEND_FAILED'>
}

async function filled(count = 300): Promise<void> {
  const backend = store.open()
  await backend.setMany(
    Array.from({ length: count }, (_, index) => {
      return [`k${index}`, lasting(`${index}`.repeat(index % 10 === 0 ? 5_000 : 100))] as const
    }),
  )
  await backend.close()
}

/** A store whose file lacks pages that a delete freed. LMDB chooses the pages: now and then one in use lies behind those. */
async function withoutItsEnd(tries = 5): Promise<CacheBackend> {
  const backend = store.open()
  await backend.set('large', lasting(new Uint8Array(500_000)))
  await backend.delete('large')
  await backend.close()
  const whole = `${store.file}.whole`
  copyFileSync(store.file, whole)
  truncateSync(store.file, statSync(whole).size - 400_000)
  const cut = store.open()
  try {
    await cut.ready()
    return cut
  } catch (error) {
    if (tries === 1) throw error
    copyFileSync(whole, store.file)
    return withoutItsEnd(tries - 1)
  }
}

describe('lmdbBackend, when it cannot open', () => {
  it('says that the path is a file, and opens once it is not', async () => {
    const path = join(store.path, 'taken')
    writeFileSync(path, 'not a directory')
    const backend = store.open({ path })
    const error = await failure(backend)
    expect(error.message).toContain('"path" must name a directory')
    expect(error.details).toEqual({ source: 'lmdb', operation: 'connect' })
    renameSync(path, `${path}-away`)
    await backend.ready()
    await backend.close()
  })

  it('says that the directory is not writable', async () => {
    const path = join(store.path, 'sealed')
    mkdirSync(path)
    chmodSync(path, 0o555)
    chmodSync(store.path, 0o755)
    const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}
    const child = startProgram(program, 'whyNot', { path }, user)
    expect(await child.nextLine()).toMatch(/BACKEND_FAILED .*the right to read and write/)
    expect(await child.ended).toBe(0)
  })

  it('refuses a file that is not of LMDB', async () => {
    await filled()
    for (const content of ['garbage', 'g'.repeat(100_000), '\0'.repeat(50_000)]) {
      writeFileSync(store.file, content)
      const error = await failure(store.open())
      expect(error.message).toMatch(/not an LMDB file|cut short/)
      expect(error.message).toMatch(/remove its directory/)
      // It is left as it was, for whoever put it there.
      expect(readFileSync(store.file, 'utf8')).toBe(content)
    }
  })

  it('refuses a file that was cut, wherever it was cut', async () => {
    await filled()
    const { file } = store
    const whole = `${file}.whole`
    copyFileSync(file, whole)
    const { size } = statSync(whole)
    for (let share = 0.02; share < 1; share += 0.07) {
      copyFileSync(whole, file)
      truncateSync(file, Math.floor(size * share))
      const error = await failure(store.open())
      expect(error.message).toContain('cut short')
      expect(statSync(file).size).toBe(Math.floor(size * share))
    }
    copyFileSync(whole, file)
    expect(store.open().get('k7')).toMatchObject({ data: '7'.repeat(100) })
  })

  it('opens a file that lacks only what was free at its end', async () => {
    await filled()
    const again = await withoutItsEnd()
    expect(again.get('k7')).toMatchObject({ data: '7'.repeat(100) })
    await again.set('large', lasting(new Uint8Array(500_000)))
    expect(again.get('large')).toBeDefined()
    expect(again.stats()).toMatchObject({ errors: 0, dropped: {} })
  })

  it('refuses a damaged header', async () => {
    await filled()
    const { file } = store
    const whole = readFileSync(file)
    for (const [at, byte] of [
      [18, 0],
      [24, 1],
      [28, 9],
      [48, 7],
      [50, 255],
      [4_096 + 24, 1],
    ] as const) {
      const damaged = Buffer.from(whole)
      damaged[at] = byte
      writeFileSync(file, damaged)
      await failure(store.open())
    }
    writeFileSync(file, whole)
    expect(store.open().get('k7')).toBeDefined()
  })

  it('begins anew with an empty file, and with a lock file that is garbage', async () => {
    await filled()
    writeFileSync(`${store.file}-lock`, 'garbage')
    const backend = store.open()
    expect(backend.get('k7')).toBeDefined()
    await backend.close()
    writeFileSync(store.file, '')
    const empty = store.open()
    expect(empty.get('k7')).toBeUndefined()
    await empty.set('k7', lasting(1))
    expect(empty.get('k7')).toMatchObject({ data: 1 })
  })

  it('says that the files are of another user', async () => {
    await filled()
    chmodSync(store.path, 0o777)
    chmodSync(`${store.file}-lock`, 0)
    const user = isRoot ? { uid: 65_534, gid: 65_534 } : {}
    const child = startProgram(program, 'whyNot', { path: store.path }, user)
    expect(await child.nextLine()).toMatch(/BACKEND_FAILED .*the right to read and write/)
    expect(await child.ended).toBe(0)
  })
})

describe('lmdbBackend, after the machine has started again', () => {
  /** What another boot would have left. */
  const age = (file: string, withMark: boolean): void => {
    const old = join(dirname(file), 'hitbox1-0123456789abcdef.mdb')
    const mark = `${file}-clean`
    expect(existsSync(mark)).toBe(true)
    renameSync(file, old)
    renameSync(mark, withMark ? `${old}-clean` : `${mark}-away`)
  }

  it('goes on with a store that was closed', async () => {
    await filled()
    age(store.file, true)
    const backend = store.open()
    expect(backend.get('k7')).toBeDefined()
    expect(store.file).not.toContain('0123456789abcdef')
  })

  it('begins anew when the store was not closed, since not all of it may have reached the disk', async () => {
    await filled()
    age(store.file, false)
    const backend = store.open()
    expect(backend.get('k7')).toBeUndefined()
    await backend.set('k7', lasting(1))
    expect(backend.get('k7')).toBeDefined()
    expect(existsSync(join(store.path, 'hitbox1-0123456789abcdef.mdb'))).toBe(false)
  })

  it('takes the mark of closing back before the next write, by whatever backend', async () => {
    const [first, second] = [store.open(), store.open()]
    await first.set('a', lasting(1))
    await second.set('a', lasting(2))
    await first.close()
    expect(existsSync(`${store.file}-clean`)).toBe(true)
    await second.get('a')
    expect(existsSync(`${store.file}-clean`)).toBe(true)
    await second.set('a', lasting(3))
    expect(existsSync(`${store.file}-clean`)).toBe(false)
    await second.close()
    expect(existsSync(`${store.file}-clean`)).toBe(true)
  })
})

describe('lmdbBackend, when the disk is full', () => {
  it('fails writes with an error, keeps what is there, and takes writes again when there is room', async () => {
    const child = startProgram(program, 'fillDisk', { path: store.path }, { limitBlocks: 8_192 })
    const lines = [await child.nextLine(), await child.nextLine(), await child.nextLine()]
    expect(lines[0]).toMatch(/^refused BACKEND_FAILED after [1-9]\d+$/)
    expect(lines[1]).toBe('whole')
    expect(lines[2]).toBe('written again')
    expect(await child.ended).toBe(0)
  }, 30_000)
})
