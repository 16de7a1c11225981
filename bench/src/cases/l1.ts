import { entrants } from '../arena.ts'
import type { BenchCase } from '../contract.ts'
import { byPopularity, inTurn } from '../inputs/asked.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import { HIT_METHODS } from '../method/hit-lanes.ts'
import { loadContenders } from '../registry.ts'
import { type HitTable, hitTable } from '../report/hit-table.ts'

export const l1: BenchCase = {
  name: 'l1',
  title: 'A hit in memory',
  run: async (options) => {
    const contenders = await loadContenders()
    const memory = entrants(contenders, ['memory'], options)
    const lru = memory.filter(({ label }) => label === 'lru-cache')
    const keys = options.quick ? 10_000 : 100_000
    const common = {
      base: 'lru-cache',
      methods: HIT_METHODS,
      milliseconds: options.quick ? 15 : 20,
      notes: ['Base of getOrLoad: lru.get(key) ?? load(key), awaited.'],
    }
    const redis = await sharedRedis()
    const tables: readonly HitTable[] = [
      { ...common, title: 'A hit in memory: one key', who: memory, count: 1, ids: inTurn(1) },
      {
        ...common,
        title: `A hit in memory: ${keys.toLocaleString('en')} keys by popularity (Zipf)`,
        who: memory,
        count: keys,
        ids: byPopularity(keys, 2 ** 16),
      },
      {
        ...common,
        title: 'A hit in memory: 1,000 keys in turn, in memory over Redis',
        who: [...lru, ...entrants(contenders, ['tiers'], options)],
        count: 1_000,
        ids: inTurn(1_000),
        redisUrl: redis.url,
      },
    ]
    try {
      const measured = []
      for (const table of tables) measured.push(await hitTable(table, options))
      return measured
    } finally {
      await redis.stop()
    }
  },
}
