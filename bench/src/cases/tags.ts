import { entrants, openArena, type Opened } from '../arena.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { inTurn } from '../inputs/asked.ts'
import { countingLoader, type CountingLoader } from '../inputs/counting-loader.ts'
import { fill } from '../inputs/fill.ts'
import { keyOf, smallRow, tagOf } from '../inputs/rows.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { interleave } from '../method/interleave.ts'
import { loadContenders } from '../registry.ts'
import { hitTable } from '../report/hit-table.ts'
import { samplesTable } from '../report/samples-table.ts'

const HIT_KEYS = 1_000

export const tags: BenchCase = {
  name: 'tags',
  title: 'Entries with tags: a hit, and the end of a tag',
  run: async (options) => {
    const redis = await sharedRedis()
    try {
      return [await hits(options, redis.url), ...(await endings(options, redis.url))]
    } finally {
      await redis.stop()
    }
  },
}

async function hits(options: BenchOptions, redisUrl: string): Promise<Table> {
  return hitTable(
    {
      title: 'A hit in memory on an entry with a tag',
      base: 'hitbox',
      who: entrants(await loadContenders(), ['tagged', 'taggedTiers'], options),
      methods: ['get', 'getOrLoad'],
      count: HIT_KEYS,
      ids: inTurn(HIT_KEYS),
      milliseconds: options.quick ? 12 : 30,
      redisUrl,
      notes: ['Beside l1: what the tag adds.'],
    },
    options,
  )
}

async function endings(options: BenchOptions, redisUrl: string): Promise<readonly Table[]> {
  const entries = options.quick ? 1_000 : 10_000
  const who = entrants(await loadContenders(), ['tagged', 'taggedTiers'], options)
  const source = countingLoader(smallRow)
  await using arena = await openArena(
    who,
    // All have the same one, and as many have another.
    { redisUrl, maxEntries: 4 * entries, ttlMs: 3_600_000, load: source.load, tagOf },
    ({ subject, prefix }) => Promise.resolve(subject.getOrLoad?.(keyOf(0, prefix))),
  )
  options.tell('tags, endings')
  const lanes = arena.opened.map((opened) => ({
    name: opened.label,
    round: () => endOnce(opened, source, entries),
  }))
  const { samples, failures } = await interleave(lanes, Math.min(options.rounds, 5))
  const rows = who.map(({ label }) => label)
  const column = (at: number) =>
    new Map([...samples].map(([name, found]) => [name, found[at] ?? []]))
  const title = `The end of a tag that ${entries.toLocaleString('en')} entries have`
  return [
    samplesTable({
      title: `${title}: time until it is acknowledged`,
      unit: 'ms',
      base: 'hitbox',
      rows,
      columns: [{ title: 'wall clock', samples: column(0) }],
      notes: [
        'As many entries with another tag stay. That those with the tag are gone, and the others there, is checked by reading one of each.',
        ...arena.notes,
        ...[...failures].map(([name, why]) => `${name}: ${why}`),
      ],
    }),
    samplesTable({
      title: `${title}: CPU time`,
      unit: 'ms',
      base: 'hitbox',
      rows,
      columns: [{ title: 'of this process', samples: column(1) }],
    }),
  ]
}

async function endOnce(
  opened: Opened,
  source: CountingLoader,
  entries: number,
): Promise<readonly number[]> {
  const { subject, prefix } = opened
  const { invalidateTag, get, getOrLoad } = subject
  if (invalidateTag === undefined) throw new Error('it has no tags')
  await fill(opened, 2 * entries, smallRow)
  source.taken()
  const begun = performance.now()
  const cpu = process.cpuUsage()
  await invalidateTag('tag:0')
  const took = performance.now() - begun
  const { user, system } = process.cpuUsage(cpu)
  // Read by whichever call it has: with a loader a miss is a load.
  const gone = await (get ?? getOrLoad)?.(keyOf(0, prefix))
  const loads = source.taken()
  const stays = await (get ?? getOrLoad)?.(keyOf(1, prefix))
  if (gone !== undefined && gone !== null && loads === 0)
    throw new Error('the entry is still there')
  if (stays?.id !== 1 || source.taken() > 0) throw new Error('an entry of another tag has gone')
  return [took, (user + system) / 1_000]
}
