import { setTimeout as wait } from 'node:timers/promises'
import { entrants, openArena, type Opened, wanted } from '../arena.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { countingLoader } from '../inputs/counting-loader.ts'
import { keyOf, smallRow } from '../inputs/rows.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { herdOfProcesses } from '../method/herd-of-processes.ts'
import { type Herd, runHerd } from '../method/herd.ts'
import { interleave } from '../method/interleave.ts'
import { loadContenders } from '../registry.ts'
import { samplesTable } from '../report/samples-table.ts'

const CALLERS = 1_000
const LOAD_MS = 50
const PROCESSES = 8
const BASE = 'by hand'

export const herd: BenchCase = {
  name: 'herd',
  title: 'A cold key, 1,000 callers at once, a source of 50 ms',
  run: async (options) => {
    const redis = await sharedRedis()
    try {
      return [
        ...(await oneProcess(options, redis.url)),
        ...(await manyProcesses(options, redis.url)),
      ]
    } finally {
      await redis.stop()
    }
  },
}

async function oneProcess(options: BenchOptions, redisUrl: string): Promise<readonly Table[]> {
  const who = entrants(await loadContenders(), ['memory', 'tiers'], options)
  const source = countingLoader(smallRow, () => wait(LOAD_MS))
  await using arena = await openArena(
    who,
    { redisUrl, maxEntries: 10_000, ttlMs: 3_600_000, load: source.load, tagOf: () => 'all' },
    ({ subject, prefix }) => Promise.resolve(subject.getOrLoad?.(`${prefix}warm:0`)),
  )
  options.tell('herd: one process')
  const lanes = arena.opened
    .filter(({ subject }) => subject.getOrLoad !== undefined)
    .map(({ label: name, subject, prefix }: Opened) => ({
      name,
      // A key that nobody has asked for yet.
      round: async (round: number) =>
        numbers(await runHerd(subject, source, keyOf(round, prefix), CALLERS)),
    }))
  const { samples, failures } = await interleave(lanes, options.rounds)
  const notes = [
    'lru-cache is here by hand without a map of loads under way: it shows what sharing them is worth.',
    ...arena.notes,
    ...[...failures].map(([name, why]) => `${name}: ${why}`),
  ]
  return tables(
    `A cold key, ${CALLERS} callers in one process`,
    who.map(({ label }) => label),
    samples,
    BASE,
    notes,
  )
}

async function manyProcesses(options: BenchOptions, redisUrl: string): Promise<readonly Table[]> {
  const processes = options.quick ? 4 : PROCESSES
  const who = entrants(await loadContenders(), ['tiers'], options)
  const rounds = Math.min(options.rounds, 5)
  const samples = new Map<string, number[][]>()
  const notes = [
    'Processes of one contender run together, contenders one after the other: all at once would not fit on the machine. The first round is not counted.',
  ]
  for (const entrant of who) {
    const { label } = entrant
    options.tell(`herd: ${processes} processes, ${label}`)
    try {
      await using fleet = await herdOfProcesses({
        wanted: wanted(entrant),
        redisUrl,
        processes,
        loadMs: LOAD_MS,
      })
      const found: Herd[] = []
      for (let round = 0; round <= rounds; round += 1) {
        const key = `${label.replaceAll(/\W/g, '-')}:${round}`
        const one = await fleet.run(key, CALLERS / processes)
        if (round > 0) found.push(one)
      }
      samples.set(label, transposed(found.map(numbers)))
    } catch (error) {
      notes.push(`${label}: ${String(error)}`)
    }
  }
  return tables(
    `A cold key, ${CALLERS} callers in ${processes} processes over one Redis`,
    who.map(({ label }) => label),
    samples,
    `${BASE}, two tiers`,
    notes,
  )
}

function numbers({ loads, cpuMs, lastMs }: Herd): readonly number[] {
  return [loads, cpuMs, lastMs]
}

function transposed(rows: readonly (readonly number[])[]): number[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] as number))
}

/** One table for each of what was counted, since each has another unit. */
function tables(
  title: string,
  rows: readonly string[],
  samples: ReadonlyMap<string, readonly (readonly number[])[]>,
  base: string,
  notes: readonly string[],
): readonly Table[] {
  const column = (at: number) =>
    new Map([...samples].map(([name, columns]) => [name, columns[at] ?? []]))
  const kinds = [
    { unit: 'loads', column: 'loads made', base: undefined },
    { unit: 'ms', column: 'CPU time', base },
    { unit: 'ms', column: 'time to the last answer', base: undefined },
  ]
  return kinds.map((kind, at) =>
    samplesTable({
      title: `${title}: ${kind.column}`,
      unit: kind.unit,
      base: kind.base,
      rows,
      columns: [{ title: kind.column, samples: column(at) }],
      notes: at === 0 ? notes : [],
    }),
  )
}
