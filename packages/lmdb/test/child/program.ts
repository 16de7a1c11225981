import { writeSync } from 'node:fs'
import { cacheValue } from '@hitbox/core'
import { lmdbBackend, type LmdbBackendOptions } from '../../src/index.ts'
import { pattern } from '../pattern.ts'

/** What a child process of a test is asked to do; its options come as the JSON of the second argument. */
const [, , task, json = '{}'] = process.argv
const { name, count, keys, ...options } = JSON.parse(json) as LmdbBackendOptions & {
  name: string
  count: number
  keys: number
}
const backend = lmdbBackend(options)
const say = (line: string): void => {
  writeSync(1, `${line}\n`)
}

const tasks: Record<string, () => void | Promise<void>> = {
  /** Writes until it is killed, and tells each write when it has been acknowledged. */
  async writeForEver() {
    for (let turn = 0; ; turn += 1) {
      await backend.set(`${name}:${turn % keys}`, cacheValue(pattern(name, turn), { ttl: '1h' }))
      say(String(turn))
    }
  },
  /** Writes and reads what it and others write; exits with a failure when a value is not whole. */
  async writeAndRead() {
    for (let turn = 0; turn < count; turn += 1) {
      const key = `shared:${turn % keys}`
      await backend.set(key, cacheValue(pattern(name, turn), { ttl: '1h' }))
      const found = await backend.get<ReturnType<typeof pattern>>(`shared:${(turn * 7) % keys}`)
      if (found === undefined) continue
      const { writer, turn: written, text } = found.data
      if (text !== pattern(writer, written).text) throw new Error('a torn value')
    }
    const { dropped, errors } = backend.stats()
    if (errors !== 0 || Object.keys(dropped).length > 0) throw new Error('failures')
    await backend.close()
    say('done')
  },
  /** Answers each line, a key, with what it finds under it. */
  async answer() {
    await backend.ready()
    say('ready')
    for await (const chunk of process.stdin) {
      for (const key of String(chunk).trim().split('\n')) {
        say(JSON.stringify((await backend.get(key))?.data ?? null))
      }
    }
    await backend.close()
  },
  /** Does nothing more, so that it ends when nothing keeps it. */
  async setAndLeave() {
    await backend.set('left', cacheValue(1, { ttl: '1h' }))
  },
  /** Tells why it cannot be opened. */
  async whyNot() {
    await backend.ready().then(
      () => say('it can'),
      (error: Error & { code?: string }) => say(`${error.code} ${error.message}`),
    )
  },
  /** Writes until it is refused, then looks at what it has, makes room and writes again. */
  async fillDisk() {
    let written = 0
    const large = (): Uint8Array => new Uint8Array(65_536).fill(written % 251)
    const set = async (key: string): Promise<string | undefined> => {
      try {
        await backend.set(key, cacheValue(large(), { ttl: '1h' }))
        return undefined
      } catch (error) {
        return (error as { code?: string }).code ?? 'an error without a code'
      }
    }
    for (; written < 10_000; written += 1) {
      const refused = await set(`k${written}`)
      if (refused === undefined) continue
      say(`refused ${refused} after ${written}`)
      break
    }
    for (let key = 0; key < written; key += 1) {
      const found = await backend.get<Uint8Array>(`k${key}`)
      if (!found?.data.every((byte) => byte === key % 251)) say(`k${key} is gone or torn`)
    }
    say('whole')
    for (let key = 0; key < 10; key += 1) await backend.delete(`k${key}`)
    if ((await set('again')) === undefined && (await backend.get('again'))) say('written again')
    await backend.close()
  },
  /** Sweeps until it is told to end. */
  async sweep() {
    await backend.ready()
    say('ready')
    await new Promise((resolve) => process.stdin.once('end', resolve).resume())
    await backend.close()
  },
}

await tasks[task as string]?.()
