/* oxlint-disable no-restricted-globals, no-restricted-properties -- a script, not part of the package */
// What goes through this backend beside bare node-redis and the plain codec, in one run: interleaved rounds, medians of ratios, by
// time that passed and by CPU time of this process. "checked" is bare node-redis with our format instead of the plain codec:
// what is left of the difference when the scan of stored bytes and the look for what cannot be kept are on both sides.
// Run on the built packages: node packages/redis/bench/against-bare.mjs [url]; ROUNDS, SLICE_MS and ONLY (a regular expression).
import { createRequire } from 'node:module'
import { performance } from 'node:perf_hooks'
import { cacheValue } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { redisBackend, single } from '@hitbox/redis'
import { createClient, RESP_TYPES } from '@redis/client'

const { Encoder } = createRequire(import.meta.resolve('@hitbox/formats/cbor'))('cbor-x')

const url = process.argv[2] ?? 'redis://localhost:6379'
const ROUNDS = Number(process.env.ROUNDS ?? 25)
const SLICE_MS = Number(process.env.SLICE_MS ?? 60)
const ONLY = new RegExp(process.env.ONLY ?? '')
const WARM_UP_ROUNDS = 4
const KEYS = 512
const GATES = { read: 0.85, getMany: 0.85, write: 0.8 }

const plain = new Encoder({ useRecords: true, tagUint8Array: true, copyBuffers: true })
const bare = createClient({
  url,
  commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
})
bare.on('error', () => {})
await bare.connect()
// Bare node-redis has no end of its time either.
const settings = { connection: single(url), responseTimeout: '30s' }
const quiet = redisBackend({ ...settings, label: 'quiet' })
const followed = redisBackend({ ...settings, label: 'followed' })
const stopListening = followed.coherence.listen({ changed() {}, changedAll() {} })
await Promise.all([quiet.ready(), followed.ready()])

const print = (line) => process.stdout.write(`${line}\n`)
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]
// Keys of their own for each contender: a server tells whoever follows a key of the writes of all others.
let cursor = 0
const nextKey = () => (cursor = (cursor + 1) % KEYS)

/** Operations per ms and per ms of CPU, with so many under way. */
async function slice(lanes, one) {
  const cpu = process.cpuUsage()
  const begun = performance.now()
  const end = begun + SLICE_MS
  let done = 0
  const lane = async () => {
    while (performance.now() < end) {
      await one(nextKey())
      done += 1
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  const wall = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  return { wall: done / wall, cpu: (1_000 * done) / (user + system) }
}

/** The first of the contenders is what the others are measured by. */
async function compare(kind, name, lanes, contenders) {
  if (!ONLY.test(name)) return
  const names = Object.keys(contenders)
  const found = Object.fromEntries(names.map((each) => [each, { wall: [], cpu: [], us: [] }]))
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const rates = {}
    // Each is first, and last, equally often.
    const turn = (round + WARM_UP_ROUNDS) % names.length
    for (const each of [...names.slice(turn), ...names.slice(0, turn)])
      rates[each] = await slice(lanes, contenders[each])
    if (round < 0) continue
    for (const each of names) {
      found[each].wall.push(rates[each].wall / rates[names[0]].wall)
      found[each].cpu.push(rates[each].cpu / rates[names[0]].cpu)
      found[each].us.push(1_000 / rates[each].cpu)
    }
  }
  const told = names.map((each) => {
    const { wall, cpu, us } = found[each]
    const cost = `${median(us).toFixed(1)} us`
    if (each === names[0]) return `${each} ${cost}`
    const ratio = median(wall)
    const verdict = each === 'checked' || ratio >= GATES[kind] ? '' : ' MISSED'
    return `${each} ${ratio.toFixed(2)} (cpu ${median(cpu).toFixed(2)}, ${cost})${verdict}`
  })
  print(`${name}: ${told.join(' | ')}`)
}

function record(size) {
  const row = { id: 1, name: 'Ada Lovelace', tags: ['a', 'b'], at: 1_700_000_000_000 }
  const rows = [row]
  while (plain.encode({ rows }).length < size) {
    rows.push({ ...row, tags: [...row.tags], id: rows.length + 1 })
  }
  return { rows }
}

async function fill(data) {
  for (let key = 0; key < KEYS; key += 1) {
    await quiet.set(`quiet:${key}`, cacheValue(data, { ttl: '1h' }))
    await followed.set(`followed:${key}`, cacheValue(data, { ttl: '1h' }))
    await bare.set(`bare:${key}`, Buffer.from(plain.encode(data)), { PX: 3_600_000 })
  }
}

const life = { PX: 3_600_000 }
const SIZES = [
  [200, '200 B'],
  [2_000, '2 KB'],
  [50_000, '50 KB'],
]
for (const [size, label] of SIZES) {
  const data = record(size)
  const value = cacheValue(data, { ttl: '1h' })
  await fill(data)
  for (const lanes of [1, 32, 256]) {
    await compare('read', `read ${label}, ${lanes} in flight`, lanes, {
      bare: async (key) => plain.decode(await bare.get(`bare:${key}`)),
      checked: async (key) => cbor.decode(await bare.get(`bare:${key}`)),
      ours: (key) => quiet.get(`quiet:${key}`),
      followed: (key) => followed.get(`followed:${key}`),
    })
  }
  for (const lanes of [1, 32, 256]) {
    await compare('write', `write ${label}, ${lanes} in flight`, lanes, {
      bare: (key) => bare.set(`bare:${key}`, plain.encode(data), life),
      checked: (key) => bare.set(`bare:${key}`, Buffer.from(cbor.encode(data).buffer), life),
      ours: (key) => quiet.set(`quiet:${key}`, value),
      followed: (key) => followed.set(`followed:${key}`, value),
    })
  }
}

const batch = Array.from({ length: 100 }, (_, key) => key)
for (const [size, label] of SIZES.slice(0, 2)) {
  await fill(record(size))
  for (const lanes of [1, 4]) {
    await compare('getMany', `getMany of 100 x ${label}, ${lanes} in flight`, lanes, {
      bare: async () =>
        (await bare.mGet(batch.map((key) => `bare:${key}`))).map((bytes) => plain.decode(bytes)),
      checked: async () =>
        (await bare.mGet(batch.map((key) => `bare:${key}`))).map((bytes) => cbor.decode(bytes)),
      ours: () => quiet.getMany(batch.map((key) => `quiet:${key}`)),
      followed: () => followed.getMany(batch.map((key) => `followed:${key}`)),
    })
  }
}

stopListening()
await Promise.all([quiet.close(), followed.close()])
bare.destroy()
