/*
 * What the tables of the README say of a write and of a delete, worked out by hand: no code of the package is asked.
 * Tiers are numbered from the uppermost, 0. Before the write all hold `'old'`; the write brings `'new'`.
 */

export const OUTCOMES = ['ok', 'error', 'lost', 'hang'] as const
/** What a tier does with the write; `lost` takes effect, and fails all the same. */
export type Outcome = (typeof OUTCOMES)[number]
export type Policy = 'through' | 'sequential' | 'optimisticParallel' | 'race'
export type Content = 'old' | 'new' | undefined

export interface Expected {
  readonly answer: 'done' | 'pending' | 'failure' | 'all failed'
  /** Of a `failure`: the tier whose error it is. */
  readonly by?: number
  /** What each tier holds when nothing more happens. */
  readonly held: readonly Content[]
  readonly losers?: boolean
}

/** @param dropFails - Whether no tier can drop a key. */
export function write(
  policy: Policy,
  tiers: readonly Outcome[],
  { arrivals, dropFails }: { readonly arrivals: readonly number[]; readonly dropFails: boolean },
): Expected {
  const world = new World(tiers, dropFails)
  if (policy === 'through') return through(world)
  if (policy === 'sequential') return sequential(world)
  return policy === 'race' ? race(world, arrivals) : optimistic(world)
}

class World {
  readonly tiers: readonly Outcome[]
  readonly held: Content[]
  readonly lowest: number
  readonly #dropFails: boolean

  constructor(tiers: readonly Outcome[], dropFails: boolean) {
    this.tiers = tiers
    this.held = tiers.map(() => 'old')
    this.lowest = tiers.length - 1
    this.#dropFails = dropFails
  }

  get uppers(): readonly number[] {
    return this.tiers.slice(0, -1).map((_, tier) => tier)
  }

  write(tier: number): Outcome {
    const outcome = this.tiers[tier]!
    if (outcome === 'ok' || outcome === 'lost') this.held[tier] = 'new'
    return outcome
  }

  /** @returns whether the tier certainly has nothing now. */
  drop(tier: number): boolean {
    if (this.#dropFails) return false
    this.held[tier] = undefined
    return true
  }
}

function through(world: World): Expected {
  const { held, lowest, uppers } = world
  const bottom = world.write(lowest)
  if (bottom === 'hang') return { answer: 'pending', held }
  if (bottom !== 'ok') {
    for (const tier of uppers) world.drop(tier)
    return { answer: 'failure', by: lowest, held }
  }
  let pending = false
  let by: number | undefined
  for (const tier of uppers) {
    const outcome = world.write(tier)
    if (outcome === 'hang') pending = true
    else if (outcome !== 'ok' && !world.drop(tier)) by ??= tier
  }
  if (pending) return { answer: 'pending', held }
  return by === undefined ? { answer: 'done', held } : { answer: 'failure', by, held }
}

function sequential(world: World): Expected {
  const { held, tiers, uppers } = world
  for (const tier of tiers.keys()) {
    const outcome = world.write(tier)
    if (outcome === 'hang') return { answer: 'pending', held }
    if (outcome === 'ok') continue
    for (const upper of uppers) world.drop(upper)
    return { answer: 'failure', by: tier, held }
  }
  return { answer: 'done', held }
}

function optimistic(world: World): Expected {
  const { held, tiers } = world
  for (const tier of tiers.keys()) world.write(tier)
  if (tiers.includes('hang')) return { answer: 'pending', held }
  tidy(world)
  return { answer: tiers.includes('ok') ? 'done' : 'all failed', held }
}

function race(world: World, arrivals: readonly number[]): Expected {
  const { held, tiers } = world
  for (const tier of tiers.keys()) world.write(tier)
  const hangs = tiers.includes('hang')
  if (!hangs) tidy(world)
  const place = arrivals
    .filter((tier) => tiers[tier] !== 'hang')
    .findIndex((tier) => tiers[tier] === 'ok')
  if (place !== -1) return { answer: 'done', held, losers: place + 1 < tiers.length }
  return { answer: hangs ? 'pending' : 'all failed', held }
}

/** When all have answered, the upper tiers that did not take the value drop the key. */
function tidy(world: World): void {
  for (const tier of world.uppers) if (world.tiers[tier] !== 'ok') world.drop(tier)
}

export const REMOVALS = ['deleted', 'missing', 'error', 'hang'] as const
export type Removal = (typeof REMOVALS)[number]

/** @returns the number of copies removed, or how else it ends. */
export function remove(
  tiers: readonly Removal[],
  onDeleteError: 'reject' | 'tolerate',
): number | 'pending' | 'failure' | 'all failed' {
  if (tiers.includes('hang')) return 'pending'
  const failed = tiers.filter((outcome) => outcome === 'error').length
  if (failed === tiers.length) return 'all failed'
  if (failed > 0 && onDeleteError === 'reject') return 'failure'
  return tiers.filter((outcome) => outcome === 'deleted').length
}
