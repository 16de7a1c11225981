// Answers an HTTP endpoint over real data from two tiers, under skewed traffic for a few seconds.
// Run it twice: the second time the tier below memory is warm.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openCache } from './cache.ts'
import { cityCount, famousCities } from './regions.ts'
import { report } from './report.ts'
import { regionOf, regionServer } from './server.ts'
import { sendTraffic } from './traffic.ts'

const SECONDS = Number(process.env['QUICKSTART_SECONDS'] ?? 6)
const folder = join(import.meta.dirname, '..', '.data')

await using cache = await openCache(folder)
const server = regionServer(cache)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

const below =
  process.env['REDIS_URL'] === undefined
    ? 'LMDB in examples/quickstart/.data'
    : 'the Redis of REDIS_URL'
console.log(
  `${cityCount} cities of GeoNames; memory over ${below}; http://127.0.0.1:${port}/regions/ID`,
)
const latencies = await sendTraffic(
  port,
  famousCities(2_000),
  SECONDS * 1_000,
  (done, requests) => {
    if (!process.stdout.isTTY) return
    const bar = '#'.repeat(Math.round(done * 30)).padEnd(30, '.')
    process.stdout.write(`\r[${bar}] ${requests} requests`)
  },
)
if (process.stdout.isTTY) process.stdout.write('\n')
console.log(`\n${report(latencies)}\n`)
const persistent = [...latencies.keys()].find(
  (source) => source !== 'upstream' && !source.endsWith('.memory'),
)
console.log(
  persistent === undefined
    ? 'The tier below memory was cold. Run this again: it is warm now.'
    : `"${persistent}" answered what memory had not: from an earlier run, or what memory had dropped.`,
)

// The next famous city, which the traffic left out, taken away so that no tier has it.
const cold = famousCities(2_001)[2_000] as number
await cache.delete(['region', cold])
const before = cache.stats().loads
await Promise.all(Array.from({ length: 100 }, () => regionOf(cache, cold)))
const computations = cache.stats().loads - before
if (computations !== 1) throw new Error(`100 callers cost ${computations} computations, not 1`)
console.log('100 callers at once for a region that no tier had: one computation.')
server.close()
