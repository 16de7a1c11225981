import { memoryBackend, createCache, type Cache, type HitboxEvent } from 'hitbox'
import type { Row, Subject } from '../contender.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { inTurn } from '../inputs/asked.ts'
import { keyOf, smallRow } from '../inputs/rows.ts'
import { hitLane } from '../method/hit-lanes.ts'
import { measureColumns } from '../report/measure-columns.ts'
import { samplesTable } from '../report/samples-table.ts'

const KEYS = 1_000
const PLAIN = 'hitbox'

/** What it costs to be watched, and that it costs nothing not to be. */
export const observers: BenchCase = {
  name: 'observers',
  title: 'A hit in memory, and who is told of it',
  contenders: ['hitbox, listener', 'hitbox, context', 'hitbox, listener that keeps'],
  run: async (options) => [await watched(options)],
}

async function watched(options: BenchOptions): Promise<Table> {
  let told = 0
  const kept: HitboxEvent[] = []
  const subjects = new Map<string, Subject>([
    [PLAIN, await plain()],
    ['hitbox, context', await withContext()],
    [
      'hitbox, listener',
      await plain((event) => {
        told += event.type === 'call' ? 1 : 0
      }),
    ],
    [
      'hitbox, listener that keeps',
      await plain((event) => {
        kept[told % 1_000] = event
        told += 1
      }),
    ],
  ])
  const opened = [...subjects]
    .filter(([label]) => label === PLAIN || options.takesPart(label))
    .map(([label, subject]) => ({ label, subject, prefix: '' }))
  const methods = ['get', 'getOrLoad'] as const
  const columns = methods.map(async (method) => ({
    title: method,
    lanes: await Promise.all(
      opened.map((one) => hitLane(one, method, inTurn(KEYS), options.quick ? 12 : 30)),
    ),
  }))
  const measured = await measureColumns('observers', await Promise.all(columns), options)
  for (const subject of subjects.values()) await subject.close()
  if (subjects.size === opened.length && told === 0) throw new Error('the listeners heard nothing')
  return samplesTable({
    title: 'A hit in memory, watched',
    unit: 'ns',
    base: PLAIN,
    rows: [...subjects.keys()],
    columns: measured.columns,
    notes: [
      'CPU time per call, awaited. A listener is given to the cache; with context is get.withContext and getOrLoad.withContext, and an async function that takes the value out.',
      ...measured.notes,
    ],
  })
}

async function filled(onEvent?: (event: HitboxEvent) => void): Promise<Cache> {
  const cache = createCache({
    ttl: '1h',
    tiers: [memoryBackend({ maxEntries: KEYS })],
    ...(onEvent === undefined ? {} : { onEvent }),
  })
  for (let id = 0; id < KEYS; id += 1) await cache.set(keyOf(id), smallRow(id))
  return cache
}

function notCached(): never {
  throw new Error('it must be a hit')
}

async function plain(onEvent?: (event: HitboxEvent) => void): Promise<Subject> {
  const cache = await filled(onEvent)
  return {
    get: (key) => cache.get<Row>(key),
    getOrLoad: (key) => cache.getOrLoad<Row>(key, notCached),
    close: () => cache.close(),
  }
}

async function withContext(): Promise<Subject> {
  const cache = await filled()
  return {
    get: async (key) => (await cache.get.withContext<Row>(key)).value,
    getOrLoad: async (key) => (await cache.getOrLoad.withContext<Row>(key, notCached)).value,
    close: () => cache.close(),
  }
}
