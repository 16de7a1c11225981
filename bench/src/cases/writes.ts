import { entrants, type Entrant, openArena, type Opened } from '../arena.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { countingLoader } from '../inputs/counting-loader.ts'
import { fill } from '../inputs/fill.ts'
import { keyOf, rowOfSize } from '../inputs/rows.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { type Operation, rateLane } from '../method/rate-lanes.ts'
import { loadContenders } from '../registry.ts'
import { measureColumns } from '../report/measure-columns.ts'
import { samplesTable } from '../report/samples-table.ts'

const KEYS = 512
const SIZES = [200, 2_000]
const IN_FLIGHT = [1, 32, 256]
const NOTE =
  'Wall clock, Redis on the same machine. The base is SET PX of node-redis, its command timeout off, and encoding CBOR as hitbox does; above 1 is better. Two tiers of hitbox, bentocache and layered-loader tell other processes too; those of cacheable, cache-manager and by hand do not.'

export const writes: BenchCase = {
  name: 'writes',
  title: 'Writing a value, to Redis alone and through two tiers',
  run: async (options) => {
    const who = entrants(await loadContenders(), ['redis', 'tiers'], options)
    const redis = await sharedRedis()
    try {
      const tables = []
      for (const size of options.quick ? [200] : SIZES) {
        await redis.command('FLUSHALL')
        tables.push(await writing({ options, who, redisUrl: redis.url, size }))
      }
      return tables
    } finally {
      await redis.stop()
    }
  },
}

interface Writing {
  readonly options: BenchOptions
  readonly who: readonly Entrant[]
  readonly redisUrl: string
  readonly size: number
}

async function writing({ options, who, redisUrl, size }: Writing): Promise<Table> {
  const make = (id: number) => rowOfSize(id, size)
  await using arena = await openArena(
    who,
    {
      redisUrl,
      maxEntries: KEYS,
      ttlMs: 3_600_000,
      load: countingLoader(make).load,
      tagOf: () => 'all',
    },
    (opened) => fill(opened, KEYS, make),
  )
  const values = Array.from({ length: KEYS }, (_, id) => make(id))
  const operations = arena.opened.flatMap((opened) => writeOne(opened, values))
  const milliseconds = options.quick ? 20 : 60
  const measured = await measureColumns(
    `writes, ${size} B`,
    (options.quick ? [32] : IN_FLIGHT).map((inFlight) => ({
      title: `${inFlight} in flight`,
      lanes: operations.map((one) => rateLane(one, { inFlight, milliseconds })),
    })),
    options,
  )
  return samplesTable({
    title: `Writing ${size.toLocaleString('en')} B`,
    unit: 'ops/s',
    base: 'node-redis, Redis',
    rows: who.map(({ label }) => label),
    columns: measured.columns,
    notes: [NOTE, ...arena.notes, ...measured.notes],
  })
}

function writeOne(
  { label: name, subject, prefix }: Opened,
  values: ReturnType<typeof rowOfSize>[],
): readonly Operation[] {
  const { set } = subject
  if (set === undefined) return []
  const keys = values.map(({ id }) => keyOf(id, prefix))
  return [
    {
      name,
      one: async (at) => {
        await set(keys[at % KEYS] as string, values[at % KEYS] as (typeof values)[number])
        return 1
      },
      expected: () => 1,
    },
  ]
}
