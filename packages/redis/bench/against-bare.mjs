/* oxlint-disable no-restricted-globals, no-restricted-properties -- a script, not part of the package */
// How a read through this backend compares with a bare GET of node-redis and the same decoding, in one run: interleaved rounds,
// medians of ratios. Run on the built packages: node packages/redis/bench/against-bare.mjs [url]
import { performance } from 'node:perf_hooks'
import { cacheValue } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { redisBackend, single } from '@hitbox/redis'
import { createClient, RESP_TYPES } from '@redis/client'

const url = process.argv[2] ?? 'redis://localhost:6379'
const ROUNDS = Number(process.env.ROUNDS ?? 15)
const KEYS = 512

const backend = redisBackend({ connection: single(url), label: 'bench' })
const bare = createClient({
  url,
  commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
})
bare.on('error', () => {})
await bare.connect()

const print = (line) => process.stdout.write(`${line}\n`)
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

async function inFlight(count, operations, one) {
  let next = 0
  const begun = performance.now()
  const lane = async () => {
    while (next < operations) await one(next++ % KEYS)
  }
  await Promise.all(Array.from({ length: count }, lane))
  return operations / (performance.now() - begun)
}

function record(size) {
  const row = { id: 1, name: 'Ada Lovelace', tags: ['a', 'b'], at: 1_700_000_000_000 }
  const rows = [row]
  while (cbor.encode({ rows }).length < size) rows.push({ ...row, id: rows.length + 1 })
  return { rows }
}

for (const size of [200, 2_000, 50_000]) {
  const data = record(size)
  const life = cacheValue(data, { ttl: '1h' })
  for (let key = 0; key < KEYS; key += 1) {
    await backend.set(`bench:${key}`, life)
    await bare.set(`bare:${key}`, Buffer.from(cbor.encode(data)), { PX: 3_600_000 })
  }
  const getBare = async (key) => cbor.decode(await bare.get(`bare:${key}`))
  const getOurs = (key) => backend.get(`bench:${key}`)
  for (const count of [1, 32, 256]) {
    const operations = Math.round((size > 10_000 ? 3_000 : 12_000) / (count === 1 ? 4 : 1))
    const ratios = []
    const rates = [[], []]
    for (let round = 0; round < ROUNDS + 2; round += 1) {
      const order = round % 2 === 0 ? [getBare, getOurs] : [getOurs, getBare]
      const found = new Map()
      for (const one of order) found.set(one, await inFlight(count, operations, one))
      if (round < 2) continue // warm-up
      rates[0].push(found.get(getBare))
      rates[1].push(found.get(getOurs))
      ratios.push(found.get(getOurs) / found.get(getBare))
    }
    print(
      `read ${size} B, ${count} in flight: bare ${median(rates[0]).toFixed(1)}k/s, ours ${median(rates[1]).toFixed(1)}k/s, ratio ${median(ratios).toFixed(2)}`,
    )
  }
}

const batch = Array.from({ length: 100 }, (_, key) => key)
{
  const data = record(200)
  for (const key of batch) {
    await backend.set(`bench:${key}`, cacheValue(data, { ttl: '1h' }))
    await bare.set(`bare:${key}`, Buffer.from(cbor.encode(data)), { PX: 3_600_000 })
  }
  const many = {
    bare: async () =>
      (await bare.mGet(batch.map((key) => `bare:${key}`))).map((bytes) => cbor.decode(bytes)),
    ours: () => backend.getMany(batch.map((key) => `bench:${key}`)),
  }
  const ratios = []
  for (let round = 0; round < ROUNDS + 2; round += 1) {
    const names = round % 2 === 0 ? ['bare', 'ours'] : ['ours', 'bare']
    const rate = {}
    for (const name of names) rate[name] = await inFlight(4, 400, many[name])
    if (round >= 2) ratios.push(rate.ours / rate.bare)
  }
  print(`getMany of 100: ratio ${median(ratios).toFixed(2)}`)
}
{
  const data = record(200)
  const life = cacheValue(data, { ttl: '1h' })
  const setBare = (key) =>
    bare.set(`bare:${key}`, Buffer.from(cbor.encode(data)), { PX: 3_600_000 })
  const setOurs = (key) => backend.set(`bench:${key}`, life)
  for (const count of [1, 32, 256]) {
    const ratios = []
    for (let round = 0; round < ROUNDS + 2; round += 1) {
      const order = round % 2 === 0 ? [setBare, setOurs] : [setOurs, setBare]
      const found = new Map()
      for (const one of order)
        found.set(one, await inFlight(count, count === 1 ? 2_000 : 8_000, one))
      if (round >= 2) ratios.push(found.get(setOurs) / found.get(setBare))
    }
    print(`write 200 B, ${count} in flight: ratio ${median(ratios).toFixed(2)}`)
  }
}
await backend.close()
bare.destroy()
