import type { Table } from '../contract.ts'

/** What the project wants a figure to be at most, or at least: the first table of the page. */
export interface Goal {
  readonly what: string
  /** How the title of the table begins. */
  readonly table: string
  readonly row: string
  /** Left out: the worst of all columns counts. */
  readonly column?: string
  readonly of: 'ratio' | 'value'
  readonly most?: number
  readonly least?: number
}

const memory = { table: 'A hit in memory: 100,000', row: 'hitbox', of: 'ratio', most: 1.5 } as const
const redis = { of: 'ratio', least: 0.85 } as const
const writes = { of: 'ratio', least: 0.8 } as const
/** Who is measured, and their rows. */
const REDIS = [
  ['by the tier alone', '@hitbox/redis, Redis'],
  ['through the cache', 'hitbox, Redis'],
] as const
const WRITERS = [
  ['by the tier alone', '@hitbox/redis, Redis'],
  ['through the cache and two tiers', 'hitbox, two tiers'],
] as const
const herd = { column: 'loads made', of: 'value', most: 1 } as const

export const GOALS: readonly Goal[] = [
  { ...memory, what: 'peek, a hit, beside lru-cache with a ttl', column: 'peek' },
  { ...memory, what: 'get, a hit in memory, beside an awaited lru-cache', column: 'get' },
  { ...memory, what: 'getOrLoad, a hit in memory, likewise', column: 'getOrLoad' },
  ...['200', '2,000', '50,000'].flatMap((size) =>
    REDIS.map(([who, row]) => ({
      ...redis,
      what: `a hit in Redis of ${size} B, ${who}, beside GET and decoding; worst of 1, 32, 256 in flight`,
      table: `A hit in Redis: ${size} B`,
      row,
    })),
  ),
  ...REDIS.map(([who, row]) => ({
    ...redis,
    what: `a batch of 100 from Redis, ${who}, beside MGET and decoding`,
    table: 'A batch of 100',
    row,
  })),
  ...['200', '2,000'].flatMap((size) =>
    WRITERS.map(([who, row]) => ({
      ...writes,
      what: `a write of ${size} B, ${who}, beside SET PX and encoding; worst likewise`,
      table: `Writing ${size} B`,
      row,
    })),
  ),
  {
    ...herd,
    what: 'loads of a cold key, 1,000 callers in one process',
    table: 'A cold key, 1000 callers in one process',
    row: 'hitbox, two tiers',
  },
  {
    ...herd,
    what: 'loads of a cold key, 1,000 callers in 8 processes',
    table: 'A cold key, 1000 callers in 8 processes',
    row: 'hitbox, two tiers',
  },
  ...[
    ['in the tier alone', '@hitbox/memory'],
    ['in the cache', 'hitbox'],
  ].map(([where, row = '']) => ({
    what: `heap per entry, an object of one number, ${where}, beside lru-cache`,
    table: 'Heap per entry',
    row,
    column: 'object of one number',
    of: 'ratio' as const,
    most: 1.3,
  })),
]

/** What was measured; `undefined` when it was not. */
export function measuredOf(goal: Goal, tables: readonly Table[]): number | undefined {
  const { table: title, row, column, of, most } = goal
  const table = tables.find(
    (one) => one.title.startsWith(title) && (column === undefined || one.columns.includes(column)),
  )
  const cells = table?.rows.find(({ name }) => name === row)?.cells ?? []
  const found = cells.flatMap((cell, at) =>
    column === undefined || table?.columns[at] === column ? (cell?.[of] ?? []) : [],
  )
  if (found.length === 0) return undefined
  return most === undefined ? Math.min(...found) : Math.max(...found)
}

export function isMet({ most = Infinity, least = -Infinity }: Goal, measured: number): boolean {
  return measured <= most && measured >= least
}
