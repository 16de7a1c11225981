// Answers an HTTP endpoint over real data from two tiers, under skewed traffic for a few seconds.
// Run it twice: the second time the tier below memory is warm.
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { cityCount, famousCities } from './regions.ts'
import { report } from './report.ts'
import { regionServer } from './server.ts'
import { openTiers } from './tiers.ts'
import { sendTraffic } from './traffic.ts'

const SECONDS = Number(process.env['QUICKSTART_SECONDS'] ?? 6)
const folder = join(import.meta.dirname, '..', '.data')

const tiers = openTiers(folder)
await tiers.ready({ timeout: '5s' })
const server = regionServer(tiers)
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
server.close()
await tiers.close()
