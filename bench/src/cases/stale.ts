import { setTimeout as wait } from 'node:timers/promises'
import { entrants, openArena, type Opened } from '../arena.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { countingLoader, type CountingLoader } from '../inputs/counting-loader.ts'
import { keyOf, smallRow } from '../inputs/rows.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { cpuMicroseconds } from '../method/cpu-time.ts'
import { interleave } from '../method/interleave.ts'
import { median } from '../method/statistics.ts'
import { loadContenders } from '../registry.ts'
import { samplesTable } from '../report/samples-table.ts'

/** Some count in whole seconds. */
const STALE_AFTER_MS = 1_000
/** Beyond it by so much that nobody's rounding makes a value fresh. */
const WAIT_MS = 2_100
const TTL_MS = 60_000
/** Long enough that an answer that waits for it is seen to. */
const LOAD_MS = 10
const KEYS = 200

export const stale: BenchCase = {
  name: 'stale',
  title: 'A call that finds a stale value and has it made anew behind',
  run: async (options) => {
    const redis = await sharedRedis()
    try {
      return await refreshing(options, redis.url)
    } finally {
      await redis.stop()
    }
  },
}

async function refreshing(options: BenchOptions, redisUrl: string): Promise<readonly Table[]> {
  const able = (await loadContenders()).filter(({ refreshesBehind }) => refreshesBehind === true)
  const who = entrants(able, ['memory', 'tiers'], options)
  const source = countingLoader(smallRow, () => wait(LOAD_MS))
  await using arena = await openArena(
    who,
    {
      redisUrl,
      maxEntries: 10_000,
      ttlMs: TTL_MS,
      staleAfterMs: STALE_AFTER_MS,
      load: source.load,
      tagOf: () => 'all',
    },
    ({ subject, prefix }) => loadAll(subject, prefix),
  )
  const last = arena.opened.length - 1
  const lanes = arena.opened.map((opened, at) => ({
    name: opened.label,
    round: (round: number) => oneRound(opened, source, at === (round % 2 === 0 ? 0 : last)),
  }))
  options.tell('stale')
  const { samples, failures } = await interleave(lanes, Math.min(options.rounds, 7))
  const rows = who.map(({ label }) => label)
  const column = (at: number) =>
    new Map([...samples].map(([name, columns]) => [name, columns[at] ?? []]))
  const notes = [
    `${KEYS} calls in turn, each on a key that is stale; the source takes ${LOAD_MS} ms. Who is not at "refreshed" 100 % does not count every such value as stale: read its other figures with that in mind.`,
    ...arena.notes,
    ...[...failures].map(([name, why]) => `${name}: ${why}`),
  ]
  return [
    samplesTable({
      title: 'A stale value: time to the answer',
      unit: 'us',
      rows,
      columns: [{ title: 'median call', samples: column(0) }],
      notes,
    }),
    samplesTable({
      title: 'A stale value: CPU of the call, the refresh behind it included',
      unit: 'us',
      base: 'lru-cache, fetch',
      rows,
      columns: [{ title: 'per call', samples: column(1) }],
    }),
    samplesTable({
      title: 'A stale value: refreshed',
      unit: '%',
      rows,
      columns: [{ title: 'of the calls', samples: column(2) }],
    }),
  ]
}

/** All were refreshed at about the same time in the round before, so the first of a round waits for all of them. */
async function oneRound(
  { subject, prefix }: Opened,
  source: CountingLoader,
  first: boolean,
): Promise<readonly number[]> {
  const { getOrLoad } = subject
  if (getOrLoad === undefined) throw new Error('it has no loader')
  if (first) await wait(WAIT_MS)
  source.taken()
  const took: number[] = []
  const cpu = cpuMicroseconds()
  for (let id = 0; id < KEYS; id += 1) {
    const begun = performance.now()
    const answer = await getOrLoad(keyOf(id, prefix))
    took.push((performance.now() - begun) * 1_000)
    if (answer?.id !== id) throw new Error('it gave another value')
  }
  // What goes on behind has ended when nothing new was begun for several times what a load takes; the next one must not count it.
  let loads = source.taken()
  for (let rest = 1; rest > 0; loads += rest) {
    await wait(LOAD_MS * 10)
    rest = source.taken()
  }
  const used = cpuMicroseconds() - cpu
  return [median(took), used / KEYS, (loads / KEYS) * 100]
}

async function loadAll(subject: Opened['subject'], prefix: string): Promise<void> {
  const ids = Array.from({ length: KEYS }, (_, id) => id)
  await Promise.all(ids.map((id) => subject.getOrLoad?.(keyOf(id, prefix))))
}
