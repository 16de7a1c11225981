import type { Table } from '../contract.ts'

/** How far a figure may go before somebody should look. Wide: what shared machines do to a ratio must pass, a lost fast path must not. */
export interface Margin {
  readonly case: string
  /** How the title of the table begins. */
  readonly table: string
  readonly row: string
  readonly column: string
  /** The ratio to the bare part holds on any machine; a value only where it is a count. */
  readonly of: 'ratio' | 'value'
  readonly most?: number
  readonly least?: number
}

const oneKey = {
  case: 'l1',
  table: 'A hit in memory: one key',
  row: 'hitbox',
  of: 'ratio',
} as const
const many = { case: 'l1', table: 'A hit in memory: 10,000', row: 'hitbox', of: 'ratio' } as const
const overRedis = { case: 'l1', table: 'A hit in memory: 1,000', of: 'ratio' } as const
const small = {
  case: 'l2',
  table: 'A hit in Redis: 200',
  column: '32 in flight',
  of: 'ratio',
} as const
const batch = { case: 'l2', table: 'A batch of 100', column: '100 × 200 B', of: 'ratio' } as const
const write = {
  case: 'writes',
  table: 'Writing 200 B',
  column: '32 in flight',
  of: 'ratio',
} as const
const herd = { case: 'herd', column: 'loads made', of: 'value', most: 1 } as const
const heap = { case: 'heap', table: 'Heap per entry', of: 'ratio' } as const

export const MARGINS: readonly Margin[] = [
  // Costs beside lru-cache with a ttl. One key in a loop is what V8 makes most of for the bare part, so the ratio is at its worst there.
  { ...oneKey, column: 'peek', most: 4.5 },
  { ...oneKey, column: 'get', most: 2.5 },
  { ...oneKey, column: 'getOrLoad', most: 2.5 },
  { ...many, column: 'peek', most: 3 },
  { ...many, column: 'get', most: 2.5 },
  { ...many, column: 'getOrLoad', most: 2.5 },
  { ...overRedis, row: 'hitbox, two tiers', column: 'getOrLoad', most: 5 },
  // Rates beside node-redis and the same coding: above 1 is better.
  { ...small, row: 'hitbox, Redis', least: 0.3 },
  { ...small, row: 'hitbox, two tiers', least: 0.25 },
  { ...batch, row: 'hitbox, Redis', least: 0.25 },
  { ...write, row: 'hitbox, Redis', least: 0.2 },
  { ...write, row: 'hitbox, two tiers', least: 0.15 },
  // Counts: no margin.
  { ...herd, table: 'A cold key, 1000 callers in one process', row: 'hitbox' },
  { ...herd, table: 'A cold key, 1000 callers in one process', row: 'hitbox, two tiers' },
  { ...herd, table: 'A cold key, 1000 callers in 4 processes', row: 'hitbox, two tiers' },
  // Of an object of one number, so nearly all of it is ours.
  { ...heap, row: 'hitbox', column: 'object of one number', most: 3.2 },
]

/** One line for what is missed; `undefined` when it is kept. */
export function missed(margin: Margin, tables: readonly Table[]): string | undefined {
  const { table: title, row, column, of, most, least } = margin
  const where = `${row}, ${column} (${margin.case}: ${title})`
  const found = figure(margin, tables)
  const unit = of === 'ratio' ? 'x the bare part' : ''
  if (found === undefined) return `${where}: nothing was measured`
  const got = `got ${Number(found.toPrecision(3))} ${unit}`.trim()
  if (most !== undefined && !(found <= most)) return `${where}: must be at most ${most}, ${got}`
  if (least !== undefined && !(found >= least)) return `${where}: must be at least ${least}, ${got}`
  return undefined
}

function figure({ table: title, row, column, of }: Margin, tables: readonly Table[]) {
  const table = tables.find((one) => one.title.startsWith(title) && one.columns.includes(column))
  const at = table?.columns.indexOf(column) ?? -1
  return table?.rows.find(({ name }) => name === row)?.cells[at]?.[of]
}
