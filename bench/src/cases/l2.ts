import { entrants, type Entrant, openArena, type Opened } from '../arena.ts'
import type { Row } from '../contender.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { countingLoader } from '../inputs/counting-loader.ts'
import { fill } from '../inputs/fill.ts'
import { keyOf, rowOfSize } from '../inputs/rows.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { type Operation, rateLane } from '../method/rate-lanes.ts'
import { loadContenders } from '../registry.ts'
import { measureColumns } from '../report/measure-columns.ts'
import { samplesTable } from '../report/samples-table.ts'

const KEYS = 600
/** A memory that the keys, asked for in turn, have always been pushed out of again. */
const L1_ENTRIES = 100
const BATCH = 100
const SIZES = [200, 2_000, 50_000]
const IN_FLIGHT = [1, 32, 256]
const NOTE =
  'Wall clock, Redis on the same machine. The base is one GET (MGET) of node-redis, its command timeout off, and decoding CBOR as hitbox does; above 1 is better. Two tiers: the memory never has it, and takes it. Who has no get is asked with a loader at hand.'

export const l2: BenchCase = {
  name: 'l2',
  title: 'A hit in Redis, with nothing in memory',
  run: async (options) => {
    const who = entrants(await loadContenders(), ['redis', 'tiers'], options)
    const redis = await sharedRedis()
    try {
      const tables = []
      for (const size of options.quick ? SIZES.slice(0, 1) : SIZES) {
        await redis.command('FLUSHALL')
        tables.push(...(await hits({ options, who, redisUrl: redis.url, size })))
      }
      return tables
    } finally {
      await redis.stop()
    }
  },
}

interface Hits {
  readonly options: BenchOptions
  readonly who: readonly Entrant[]
  readonly redisUrl: string
  readonly size: number
}

async function hits({ options, who, redisUrl, size }: Hits): Promise<readonly Table[]> {
  const make = (id: number) => rowOfSize(id, size)
  const source = countingLoader(make)
  await using arena = await openArena(
    who,
    { redisUrl, maxEntries: L1_ENTRIES, ttlMs: 3_600_000, load: source.load, tagOf: () => 'all' },
    (opened) => fill(opened, KEYS, make),
  )
  source.taken()
  const milliseconds = options.quick ? 20 : 60
  const columns = (options.quick ? [32] : IN_FLIGHT).map((inFlight) => ({
    title: `${inFlight} in flight`,
    lanes: arena.opened.flatMap(readOne).map((one) => rateLane(one, { inFlight, milliseconds })),
  }))
  const kind = `${size.toLocaleString('en')} B`
  const single = await measureColumns(`l2, ${kind}`, columns, options)
  const rows = who.map(({ label }) => label)
  const tables = [
    samplesTable({
      title: `A hit in Redis: ${kind}`,
      unit: 'ops/s',
      base: 'node-redis, Redis',
      rows,
      columns: single.columns,
      notes: [NOTE, ...arena.notes, ...single.notes, ...loaded(source.taken())],
    }),
  ]
  if (size > 200) return tables
  const lanes = arena.opened
    .flatMap(readMany)
    .map((one) => rateLane(one, { inFlight: 4, milliseconds }))
  const title = `${BATCH} × ${kind}`
  const batches = await measureColumns('l2, batches', [{ title, lanes }], options)
  tables.push(
    samplesTable({
      title: `A batch of ${BATCH} from Redis, 4 in flight`,
      unit: 'batches/s',
      base: 'node-redis, Redis',
      rows,
      columns: batches.columns,
      notes: [NOTE, ...batches.notes, ...loaded(source.taken())],
    }),
  )
  return tables
}

function loaded(loads: number): readonly string[] {
  return loads === 0 ? [] : [`${loads} reads were loads, not hits`]
}

function readOne({ label: name, subject, prefix }: Opened): readonly Operation[] {
  const read = subject.get ?? subject.getOrLoad
  if (read === undefined) return []
  const keys = Array.from({ length: KEYS }, (_, id) => keyOf(id, prefix))
  return [
    {
      name,
      one: async (at) => ((await read(keys[at % KEYS] as string)) as Row).id,
      expected: (at) => at % KEYS,
    },
  ]
}

function readMany({ label: name, subject, prefix }: Opened): readonly Operation[] {
  const { getMany } = subject
  if (getMany === undefined) return []
  const batches = Array.from({ length: KEYS / BATCH }, (_, batch) =>
    Array.from({ length: BATCH }, (_one, at) => keyOf(batch * BATCH + at, prefix)),
  )
  return [
    {
      name,
      one: async (at) => {
        const found = await getMany(batches[at % batches.length] as string[])
        let sum = 0
        for (const row of found) sum += row?.id ?? Number.NaN
        return sum
      },
      expected: (at) => (at % batches.length) * BATCH * BATCH + (BATCH * (BATCH - 1)) / 2,
    },
  ]
}
