// What the backend costs beside the bare driver with the same bytes. Build first: tsc -b packages/lmdb
//   node packages/lmdb/bench/lmdb.mjs [ROUNDS]
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheValue } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { lmdbBackend } from '@hitbox/lmdb'
import { open } from 'lmdb'

const ROUNDS = Number(process.argv[2] ?? 21)
const KEYS = 2_000

const folder = mkdtempSync(join(tmpdir(), 'hitbox-lmdb-bench-'))
const backend = lmdbBackend({ path: join(folder, 'backend') })
const bare = (name, options) =>
  open({ path: join(folder, name), encoding: 'binary', keyEncoding: 'binary', ...options })
const lazy = bare('lazy', { noSync: true })
const synced = bare('synced', {})

const row = (index) => ({ id: index, name: `User number ${index}`, bio: 'x'.repeat(200) })
const keys = Array.from({ length: KEYS }, (_, index) => `user:${index}`)
const hundred = keys.slice(0, 100)
const entry = (index) => cacheValue(row(index), { ttl: '1h' })

const contenders = {
  'set, driver, not waiting for the disk': [
    KEYS,
    () => keys.forEach((key, index) => lazy.putSync(Buffer.from(key), cbor.encode(row(index)))),
  ],
  'set, backend': [KEYS, () => keys.map((key, index) => backend.set(key, entry(index)))],
  'setMany(100), backend, per entry': [
    100,
    () => backend.setMany(hundred.map((key, index) => [key, entry(index)])),
  ],
  'set, driver, waiting for the disk': [
    100,
    () =>
      hundred.forEach((key, index) => synced.putSync(Buffer.from(key), cbor.encode(row(index)))),
  ],
  'set, driver, asynchronous, one at a time': [
    100,
    async () => {
      for (const key of hundred) await synced.put(Buffer.from(key), cbor.encode(row(1)))
    },
  ],
  'get, driver': [
    KEYS,
    () => keys.reduce((sum, key) => sum + cbor.decode(lazy.getBinary(Buffer.from(key))).id, 0),
  ],
  'get, backend': [KEYS, () => keys.reduce((sum, key) => sum + backend.get(key).data.id, 0)],
  'getMany(100), backend, per entry': [100, () => backend.getMany(hundred)],
}

const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, [count, run]] of Object.entries(contenders)) {
    const begin = performance.now()
    await run()
    if (round > 1) times[name].push(((performance.now() - begin) / count) * 1_000)
  }
  await new Promise(setImmediate)
}
for (const [name, all] of Object.entries(times)) {
  const median = all.toSorted((a, b) => a - b)[all.length >> 1]
  console.log(`${name.padEnd(42)} ${median.toFixed(1).padStart(8)} us`)
}
await Promise.all([backend.close(), lazy.close(), synced.close()])
rmSync(folder, { recursive: true, force: true })
