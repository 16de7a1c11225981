import { setTimeout as sleep } from 'node:timers/promises'
import { redisBackend, single } from '@hitbox/redis'
import { type RedisServer, startRedis } from '@hitbox/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  type Cache,
  type CacheStats,
  createCache,
  memoryBackend,
  type Namespace,
} from '../src/index.ts'

/** What another process may lag behind an invalidation: what is known is believed for a second, and asking takes its time. */
const LAG_MS = 2_000
/** How long rows are changed; afterwards they stay as they are, and whatever old value was kept would show. */
const CHANGING_MS = 2_000
const QUIET_MS = 2_500
/** Rows whose values carry tags, and rows that are in a namespace of their own. */
const TAGGED = 10
const CLEARED = 4

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.stop()
})

/** A change of a row that was made known: from `at` on, process `by` must not see less. */
interface Acknowledged {
  readonly version: number
  readonly by: number
  readonly at: number
}

/** The source that both processes load from, and the history of what was changed in it. */
class Source {
  readonly #rows = new Map<number, number>()
  readonly #history = new Map<number, Acknowledged[]>()

  /** What a load sees is what is there at its beginning, however long it takes. */
  async load(row: number): Promise<number> {
    const version = this.#rows.get(row) ?? 0
    const chance = Math.random()
    if (chance < 0.25) await sleep(chance * 2_000)
    else if (chance < 0.7) await sleep(chance * 20)
    return version
  }

  write(row: number): number {
    const version = (this.#rows.get(row) ?? 0) + 1
    this.#rows.set(row, version)
    return version
  }

  acknowledge(row: number, version: number, by: number): void {
    const history = this.#history.get(row) ?? []
    history.push({ version, by, at: performance.now() })
    this.#history.set(row, history)
  }

  /** The least that a read by a process must see when it begins now. */
  least(row: number, by: number): number {
    const now = performance.now()
    let least = 0
    for (const one of this.#history.get(row) ?? []) {
      if (one.by === by || one.at <= now - LAG_MS) least = Math.max(least, one.version)
    }
    return least
  }
}

interface Way {
  readonly name: string
  readonly read: (row: number) => Promise<number | undefined>
}

const tagsOf = (row: number): string[] => (row < 3 ? ['few'] : [`row:${row}`, 'all'])

/** Every way to a row with tags, under keys of its own. */
function tagged(cache: Cache, source: Source): readonly Way[] {
  const load = async (rows: readonly number[]): Promise<number[]> =>
    Promise.all(rows.map((row) => source.load(row)))
  const space = cache.namespace('refreshed', { staleAfter: '30ms' })
  return [
    {
      name: 'getOrLoad',
      read: (row) => cache.getOrLoad(['one', row], () => source.load(row), { tags: tagsOf(row) }),
    },
    {
      name: 'a load that tells its tags',
      read: (row) =>
        cache.getOrLoad(['told', row], async ({ setTags }) => {
          const version = await source.load(row)
          setTags(tagsOf(row))
          return version
        }),
    },
    { name: 'fn', read: cache.fn('fn', (row: number) => source.load(row), { tags: tagsOf }) },
    {
      name: 'refreshed behind',
      read: (row) => space.getOrLoad(['one', row], () => source.load(row), { tags: tagsOf(row) }),
    },
    {
      name: 'several loads at once',
      read: (row) =>
        cache.getOrLoad(['more', row], () => source.load(row), {
          tags: tagsOf(row),
          concurrency: 3,
          reload: Math.random() < 0.05,
        }),
    },
    {
      name: 'getOrLoadMany',
      async read(row) {
        const options = { key: (one: number) => ['batch', one] as const, tags: tagsOf }
        const [first] = await cache.getOrLoadMany([row, (row + 1) % TAGGED, row], load, options)
        return first
      },
    },
    { name: 'get', read: (row) => cache.get<number>(['one', row]) },
  ]
}

class Process {
  readonly #number: number
  readonly #source: Source
  readonly #cache: Cache
  readonly #cleared: Namespace
  readonly problems: string[] = []
  readonly reads: Record<string, number> = {}

  constructor(number: number, source: Source) {
    this.#number = number
    this.#source = source
    const upper = memoryBackend({ maxEntries: 1_000 })
    const lower = redisBackend({ connection: single(redis.url) })
    this.#cache = createCache({ ttl: '1h', staleIfError: '1h', tiers: [upper, lower] })
    this.#cleared = this.#cache.namespace('cleared')
  }

  get stats(): CacheStats {
    return this.#cache.stats()
  }

  async run(): Promise<void> {
    const changed = performance.now() + CHANGING_MS
    const ended = changed + QUIET_MS
    const cleared: Way = {
      name: 'cleared',
      read: (row) => this.#cleared.getOrLoad(['one', row], () => this.#source.load(row)),
    }
    await Promise.all([
      this.#change(changed, () => below(TAGGED)),
      this.#change(changed, () => TAGGED + below(CLEARED)),
      ...tagged(this.#cache, this.#source).flatMap((way) =>
        [1, 2, 3].map(() => this.#read(ended, way, () => below(TAGGED))),
      ),
      this.#read(ended, cleared, () => TAGGED + below(CLEARED)),
    ])
    await this.#cache.close()
  }

  async #change(until: number, someRow: () => number): Promise<void> {
    while (performance.now() < until) {
      const row = someRow()
      const version = this.#source.write(row)
      if (row >= TAGGED) await this.#cleared.clear()
      else await this.#cache.invalidateTags(tagsOf(row)[0] as string)
      this.#source.acknowledge(row, version, this.#number)
      await sleep(Math.random() * 60)
    }
  }

  async #read(until: number, { name, read }: Way, someRow: () => number): Promise<void> {
    for (let turn = 0; performance.now() < until; turn += 1) {
      const row = someRow()
      const least = this.#source.least(row, this.#number)
      const version = await read(row)
      this.reads[name] = (this.reads[name] ?? 0) + 1
      if (version !== undefined && version < least) {
        this.problems.push(`${name}, process ${this.#number}, row ${row}: ${version} < ${least}`)
      }
      if (turn % 5 === 0) await sleep(1)
    }
  }
}

function below(count: number): number {
  return Math.floor(Math.random() * count)
}

it('nobody sees what was invalidated: at once in its process, within two seconds in another', async () => {
  const source = new Source()
  const both = [new Process(0, source), new Process(1, source)]
  await Promise.all(both.map(async (one) => one.run()))
  for (const { problems, reads, stats } of both) {
    const { calls, hits, stale, misses, bypasses } = stats
    expect(hits + stale + misses + bypasses).toBe(calls)
    expect(problems.slice(0, 20)).toEqual([])
    expect(Object.keys(reads)).toHaveLength(8)
    for (const count of Object.values(reads)) expect(count).toBeGreaterThan(50)
  }
})
