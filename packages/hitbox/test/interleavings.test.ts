import type { CacheValue } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../src/index.ts'
import { everyOrder, type Scene, turn } from './support/explore.ts'
import { atOnce, scriptedTier } from './support/scripted-tier.ts'
import { Stepped } from './support/stepped.ts'

/** What the loader reads: the value at the moment a load begins, given when the step comes. */
class Database {
  value = 'old'
  readonly #steps: { readonly name: string; readonly run: () => void }[] = []
  #loads = 0

  get enabled(): readonly string[] {
    return this.#steps.map((step) => step.name)
  }

  happen(name: string): boolean {
    const index = this.#steps.findIndex((step) => step.name === name)
    if (index === -1) return false
    this.#steps.splice(index, 1)[0]?.run()
    return true
  }

  readonly load = (): Promise<string> => {
    const { value } = this
    this.#loads += 1
    return new Promise((resolve) => {
      this.#steps.push({ name: `load ${this.#loads} ends`, run: () => resolve(value) })
    })
  }
}

interface Act {
  readonly name: string
  /** A read gives its value, a change nothing. */
  run(cache: Cache, database: Database): Promise<unknown>
}

const get: Act = {
  name: 'get',
  run: (cache, { load }) => cache.getOrLoad('k', load),
}
const again: Act = { ...get, name: 'get again' }
const getMany: Act = {
  name: 'getMany',
  run: async (cache, { load }) => {
    const [value] = await cache.getOrLoadMany(['k'], async () => [await load()])
    return value
  },
}
const plainGet: Act = {
  name: 'plain get',
  // What is not there counts as new: it is what the next load will find.
  run: async (cache) => (await cache.get('k')) ?? 'new',
}
const write = (name: string, change: (cache: Cache) => Promise<unknown>): Act => ({
  name,
  run: async (cache, database) => {
    database.value = 'new'
    await change(cache)
  },
})
const remove = write('delete', (cache) => cache.delete('k'))
const removeMany = write('deleteMany', (cache) => cache.deleteMany(['k', 'k']))
const set = write('set', (cache) => cache.set('k', 'new'))
const setMany = write('setMany', (cache) => cache.setMany([['k', 'new']]))
const expire = write('expire', (cache) => cache.expire('k'))

interface Setting {
  readonly tiers: 'one remote' | 'memory over remote' | 'two remote'
  /** What the lowest tier has at first. */
  readonly warm: 'nothing' | 'fresh' | 'stale'
  readonly acts: readonly Act[]
  /** Whether an old value that is stale counts as right: after `expire` it does. */
  readonly mayBeStale?: boolean
}

function sceneOf({ tiers, warm, acts, mayBeStale = false }: Setting): Scene {
  const clock = manualClock()
  const steps = [new Stepped('upper'), new Stepped('lower')] as const
  const upper = scriptedTier('upper', tiers === 'two remote' ? steps[0].script : atOnce)
  const lower = scriptedTier('lower', steps[1].script)
  const all = tiers === 'one remote' ? [lower] : [upper, lower]
  const cache = createCache({ tiers: all, clock, ttl: '1m', staleAfter: '30s' })
  const database = new Database()
  const now = clock.now()
  const staleAt = warm === 'stale' ? now : now + 30_000
  const old: CacheValue<string> = { data: 'old', staleAt, expiresAt: now + 60_000 }
  if (warm !== 'nothing') for (const tier of all) tier.entries.set('k', old)
  const waiting = [...acts]
  let acknowledged = false
  const wrong: string[] = []
  const right = (data: unknown, isStale: boolean): boolean =>
    data === 'new' || (mayBeStale && isStale && data === 'old')
  return {
    enabled: () => [
      ...waiting.map((act) => act.name),
      ...steps[0].enabled,
      ...steps[1].enabled,
      ...database.enabled,
    ],
    happen(name) {
      if (steps[0].happen(name) || steps[1].happen(name) || database.happen(name)) return
      const index = waiting.findIndex((act) => act.name === name)
      const [act] = waiting.splice(index, 1)
      const late = acknowledged
      act?.run(cache, database).then(
        (value) => {
          if (value === undefined) acknowledged = true
          else if (late && !right(value, true)) wrong.push(`${name} saw ${JSON.stringify(value)}`)
        },
        (error: unknown) => wrong.push(`${name} failed: ${String(error)}`),
      )
    },
    async check() {
      await turn()
      expect(wrong).toEqual([])
      expect(acknowledged).toBe(true)
      for (const tier of all) {
        const copy = tier.entries.get('k')
        if (copy !== undefined) expect(copy).toSatisfy(() => right(copy.data, copy.staleAt <= now))
      }
      expect(cache.stats().inFlight).toBe(0)
      for (const tier of all) tier.script = atOnce
      if (!mayBeStale) expect(await cache.getOrLoad('k', () => 'new')).toBe('new')
      await cache.close({ timeout: 0 })
    },
  }
}

const SCENES: readonly (readonly [name: string, setting: Setting])[] = [
  ['a load and a delete', { tiers: 'one remote', warm: 'nothing', acts: [get, remove] }],
  [
    'two callers and a delete',
    { tiers: 'one remote', warm: 'nothing', acts: [get, again, remove] },
  ],
  [
    'a load and a delete, over memory',
    { tiers: 'memory over remote', warm: 'nothing', acts: [get, remove] },
  ],
  [
    'two callers and a delete, over memory',
    { tiers: 'memory over remote', warm: 'nothing', acts: [get, again, remove] },
  ],
  [
    'a caller, a delete and a plain get, over memory with a copy',
    { tiers: 'memory over remote', warm: 'fresh', acts: [get, plainGet, remove] },
  ],
  [
    'a load and a delete, over two remote tiers',
    { tiers: 'two remote', warm: 'nothing', acts: [get, remove] },
  ],
  ['a load and a set', { tiers: 'one remote', warm: 'nothing', acts: [get, again, set] }],
  [
    'a load and a set, over memory',
    { tiers: 'memory over remote', warm: 'nothing', acts: [get, again, set] },
  ],
  [
    'a refresh behind a caller and a delete',
    { tiers: 'memory over remote', warm: 'stale', acts: [get, remove] },
  ],
  [
    'a refresh behind a caller and a set',
    { tiers: 'memory over remote', warm: 'stale', acts: [get, again, set] },
  ],
  [
    'a refresh in one remote tier and a delete',
    { tiers: 'one remote', warm: 'stale', acts: [get, again, remove] },
  ],
  [
    'a load and an expire',
    { tiers: 'one remote', warm: 'nothing', acts: [get, again, expire], mayBeStale: true },
  ],
  [
    'a caller and an expire, over memory with a copy',
    { tiers: 'memory over remote', warm: 'fresh', acts: [get, expire], mayBeStale: true },
  ],
  ['a batch and a delete', { tiers: 'one remote', warm: 'nothing', acts: [getMany, get, remove] }],
  [
    'a batch and a deleteMany, over memory',
    { tiers: 'memory over remote', warm: 'nothing', acts: [getMany, removeMany] },
  ],
  [
    'a batch that refreshes and a setMany',
    { tiers: 'memory over remote', warm: 'stale', acts: [getMany, setMany] },
  ],
  [
    'a load, a delete and a set',
    { tiers: 'one remote', warm: 'nothing', acts: [get, remove, set] },
  ],
]

describe('in every order of what callers, tiers and the source do', () => {
  it.each(SCENES)(
    'a change that is acknowledged is obeyed: %s',
    { timeout: 120_000 },
    async (_, setting) => {
      const orders = await everyOrder(() => sceneOf(setting))
      if (process.env['SHOW_ORDERS'] !== undefined) process.stdout.write(`${orders} orders: ${_}\n`)
      expect(orders).toBeGreaterThan(3)
    },
  )
})
