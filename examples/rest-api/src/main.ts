// A service of two instances over one database, under load: first without a cache, then with one. Writes go on all the while, and
// every answer is held against them. Uses the Redis of REDIS_URL, or starts one for itself.
import { randomUUID } from 'node:crypto'
import { startRedis } from '@hitbox/testing'
import { startChild } from './child.ts'
import { type LoadResult, sendLoad } from './load.ts'
import { comparison, type Measured, perRead } from './report.ts'
import type { CacheSettings, ServiceReport, ServiceSettings } from './service-process.ts'

const SECONDS = Number(process.env['REST_API_SECONDS'] ?? 6.5)
const ROUND_TRIP_MS = 5
/** An instance believes what it knows for a second; the rest is for machines that are slow. */
const OLD_ELSEWHERE_MS = 3_000

const redis = await sharedRedis()
const database = await startChild('database-process.js', { roundTripMs: ROUND_TRIP_MS })
console.log(
  `135,000 cities in SQLite, behind a round trip of ${ROUND_TRIP_MS} ms; two instances, with ${redis.what}\n`,
)

const without = await measure(undefined, SECONDS * 0.4)
const cached = await measure(
  // Keys of one run: the database forgets between runs, so no other may see them.
  { redisUrl: redis.url, namespace: `rest-api-${randomUUID()}` },
  SECONDS * 0.6,
)
console.log(comparison(without, cached))
await database.stop()
await redis.stop()

for (const { load } of [without, cached]) checkPromises(load)
const saved = 1 - perRead(cached) / perRead(without)
// About 70 % from cold on an idle machine; a slow one sees too few requests to find much again.
if (saved < 0.25)
  throw new Error(`the cache saved only ${(saved * 100).toFixed(1)} % of the queries`)

/** Starts two instances, sends them the load, and stops them. */
async function measure(cache: CacheSettings | undefined, seconds: number): Promise<Measured> {
  const settings: ServiceSettings = { databasePort: database.port, cache }
  const instances = await Promise.all(
    [1, 2].map(() => startChild<ServiceReport>('service-process.js', settings)),
  )
  const ports = instances.map(({ port }) => port)
  const load = await sendLoad(ports, seconds * 1_000)
  const reports = await Promise.all(instances.map((instance) => instance.stop()))
  const sum = (of: (report: ServiceReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0)
  return {
    load,
    queries: sum(({ queries }) => queries),
    cacheCalls: sum(({ calls }) => calls),
    cacheHits: sum(({ hits }) => hits),
  }
}

function checkPromises({ checked, brokenPromises, oldForMs }: LoadResult): void {
  if (checked === 0) throw new Error('no read came after a write')
  if (brokenPromises > 0) {
    throw new Error(`${brokenPromises} reads gave what their own instance had replaced already`)
  }
  if (oldForMs > OLD_ELSEWHERE_MS) {
    throw new Error(`a read gave what another instance had replaced ${oldForMs.toFixed(0)} ms ago`)
  }
}

async function sharedRedis() {
  const url = process.env['REDIS_URL']
  if (url !== undefined) {
    return { url, what: 'the Redis of REDIS_URL between them', stop: async () => {} }
  }
  try {
    const server = await startRedis()
    return { url: server.url, what: 'a Redis between them', stop: () => server.stop() }
  } catch (error) {
    console.log(`Memory only, since no Redis could be started: ${String(error)}`)
    return { url: undefined, what: 'no Redis between them', stop: async () => {} }
  }
}
