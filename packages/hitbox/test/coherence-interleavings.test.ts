import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import type { Cache } from '../src/index.ts'
import { type CoherentClient, CoherentStore } from './support/coherent-store.ts'
import { everyOrder, type Scene, someOrders, turn } from './support/explore.ts'
import { balanced, join, type Member } from './support/fleet.ts'
import { settle } from './support/settle.ts'

/** What loaders read: the value at the moment a load begins, given when the step comes. */
class Database {
  value = 'old'
  loads = 0
  readonly #steps: { readonly name: string; readonly run: () => void }[] = []

  get enabled(): readonly string[] {
    return this.#steps.map(({ name }) => name)
  }

  happen(name: string): boolean {
    const index = this.#steps.findIndex((step) => step.name === name)
    if (index === -1) return false
    this.#steps.splice(index, 1)[0]?.run()
    return true
  }

  endAll(): void {
    for (const { run } of this.#steps.splice(0)) run()
  }

  readonly load = (): Promise<string> => {
    const { value } = this
    this.loads += 1
    const name = `load ${this.loads} ends`
    return new Promise((resolve) => {
      this.#steps.push({ name, run: () => resolve(value) })
    })
  }
}

interface Act {
  readonly name: string
  readonly by: 'a' | 'b'
  /** Whether it demands to see what was acknowledged. */
  readonly barrier?: boolean
  readonly changes?: boolean
  /** A read gives its value. */
  run(cache: Cache, load: () => Promise<string>): Promise<unknown>
}

const tags = ['t']
const read = (by: 'a' | 'b'): Act => ({
  name: `read in ${by}`,
  by,
  run: (cache, load) => cache.getOrLoad('k', load),
})
const barrier = (by: 'a' | 'b'): Act => ({
  name: `barrier in ${by}`,
  by,
  barrier: true,
  run: (cache, load) => cache.getOrLoad('k', load, { fresh: 'barrier' }),
})
/** What is not there counts as new: it is what the next load will find. */
const barrierGet = (by: 'a' | 'b'): Act => ({
  name: `barrier get in ${by}`,
  by,
  barrier: true,
  run: async (cache) => (await cache.get('k', { fresh: 'barrier' })) ?? 'new',
})
const batch = (by: 'a' | 'b', fresh?: 'barrier'): Act => ({
  name: `${fresh ?? 'plain'} batch in ${by}`,
  by,
  barrier: fresh !== undefined,
  run: async (cache, load) =>
    (await cache.getOrLoadMany(['k'], async () => [await load()], { fresh }))[0],
})
const reload = (by: 'a' | 'b'): Act => ({
  name: `reload in ${by}`,
  by,
  run: (cache, load) => cache.getOrLoad('k', load, { reload: true }),
})
const tagged = (by: 'a' | 'b', fresh?: 'barrier'): Act => ({
  name: `${fresh ?? 'plain'} tagged read in ${by}`,
  by,
  barrier: fresh !== undefined,
  run: (cache, load) => cache.getOrLoad('k', load, { tags, fresh }),
})
const change = (name: string, by: 'a' | 'b', run: (cache: Cache) => Promise<unknown>): Act => ({
  name: `${name} in ${by}`,
  by,
  changes: true,
  run,
})
const remove = (by: 'a' | 'b'): Act => change('delete', by, (cache) => cache.delete('k'))
const set = (by: 'a' | 'b'): Act => change('set', by, (cache) => cache.set('k', 'new'))
const expire = (by: 'a' | 'b'): Act => change('expire', by, (cache) => cache.expire('k'))
const invalidate = (by: 'a' | 'b'): Act =>
  change('invalidate', by, (cache) => cache.invalidateTags('t'))
const clear = (by: 'a' | 'b'): Act => change('clear', by, (cache) => cache.clear())

interface Setting {
  readonly acts: readonly Act[]
  /** What both have at first. */
  readonly warm?: 'nothing' | 'fresh' | 'stale'
  readonly mostLoads: number
  /** Whether an old value may still be found after the change: it is stale then. */
  readonly mayBeOld?: boolean
  /** Whether requests of both take effect when the scene says so, and not when they are sent. @defaultValue those of who changes */
  readonly sent?: 'both' | 'b'
  /** Whether barriers come at any time, and not only once the change was acknowledged. @defaultValue false */
  readonly anyTime?: boolean
  /** How many orders, chosen by a seed, stand for all where those are too many. @defaultValue all */
  readonly some?: number
}

interface Warm {
  readonly store: CoherentStore
  readonly a: Member
  readonly b: Member
}

async function warmed({ warm = 'nothing', acts }: Setting): Promise<Warm> {
  const clock = manualClock()
  const store = new CoherentStore(clock)
  const options = { ttl: '10m', staleAfter: '5m' } as const
  const a = join(clock, store, options)
  const b = join(clock, store, options)
  const own = acts.some(({ name }) => name.includes('tagged')) ? { tags } : {}
  // Both know the versions from before.
  for (const { cache } of [a, b]) await cache.getOrLoad('other', () => 1, { tags })
  if (warm !== 'nothing') {
    await a.cache.set('k', 'old', own)
    for (const { cache } of [a, b]) await cache.get('k')
    if (warm === 'stale') clock.advance('6m')
  }
  await settle()
  for (const { client } of [a, b]) {
    client.holdHeard()
    client.stall()
  }
  return { store, a, b }
}

function sceneOf(setting: Setting, { store, a, b }: Warm): Scene & { close(): Promise<void> } {
  const { acts, mostLoads, mayBeOld = false, sent = 'b', anyTime = false } = setting
  const clients: readonly (readonly [string, CoherentClient])[] = [
    ['a', a.client],
    ['b', b.client],
  ]
  b.client.holdSent()
  if (sent === 'both') a.client.holdSent()
  const database = new Database()
  const waiting = [...acts]
  const wrong: string[] = []
  let acknowledged = false
  let pending = 0
  const isDue = ({ barrier: demands }: Act): boolean => demands !== true || acknowledged || anyTime
  const begin = (act: Act): void => {
    if (act.changes === true) database.value = 'new'
    const late = acknowledged && act.barrier === true
    pending += 1
    act
      .run((act.by === 'a' ? a : b).cache, database.load)
      .then(
        (value) => {
          if (act.changes === true) acknowledged = true
          else if (late && !mayBeOld && value !== 'new')
            wrong.push(`${act.name} saw ${String(value)}`)
        },
        (error: unknown) => wrong.push(`${act.name} failed: ${String(error)}`),
      )
      .finally(() => {
        pending -= 1
      })
  }
  return {
    enabled: () => [
      ...waiting.filter(isDue).map(({ name }) => name),
      ...clients.flatMap(([name, { sent: out, coming }]) => [
        ...(out.length > 0 ? [`${name} sends ${out[0]}`] : []),
        ...(coming.length > 0 ? [`${name} hears ${coming[0]}`] : []),
      ]),
      ...database.enabled,
    ],
    happen(name) {
      store.clock.advance(1)
      if (database.happen(name)) return
      for (const [by, client] of clients) {
        if (name.startsWith(`${by} sends`)) return client.carryOut()
        if (name.startsWith(`${by} hears`)) return client.hear()
      }
      const [act] = waiting.splice(
        waiting.findIndex((one) => one.name === name),
        1,
      )
      if (act !== undefined) begin(act)
    },
    async check() {
      await turn()
      expect(wrong).toEqual([])
      expect(pending).toBe(0)
      expect(acknowledged).toBe(true)
      expect(database.loads).toBeLessThanOrEqual(mostLoads)
      expect(store.isLeased('k')).toBe(false)
      for (const { client } of [a, b]) client.letGo()
      await settle()
      for (const { cache } of [a, b]) {
        expect(cache.stats().inFlight).toBe(0)
        balanced(cache)
        // All that was told has been heard: nothing old is left anywhere.
        if (mayBeOld) continue
        expect((await cache.get('k')) ?? 'new').toBe('new')
        expect((await cache.get('k', { fresh: 'local' })) ?? 'new').toBe('new')
        expect(await cache.getOrLoad('k', () => 'new', { tags })).toBe('new')
      }
    },
    async close() {
      for (const { cache } of [a, b]) await cache.close({ timeout: 0 })
      expect(store.clock.pendingTimers).toBe(0)
    },
  }
}

const SCENES: readonly (readonly [name: string, setting: Setting])[] = [
  [
    'a read, and a delete elsewhere',
    { acts: [read('a'), remove('b')], mostLoads: 1, sent: 'both' },
  ],
  [
    'a read, a delete elsewhere, and a barrier',
    { acts: [read('a'), remove('b'), barrier('a')], mostLoads: 2, sent: 'both', some: 1_000 },
  ],
  [
    'a read, a delete elsewhere, and a barrier at any time',
    { acts: [read('a'), remove('b'), barrier('a')], mostLoads: 2, anyTime: true, some: 1_000 },
  ],
  [
    'a read, a delete in the same process, and a barrier elsewhere',
    { acts: [read('a'), remove('a'), barrier('b')], mostLoads: 2, some: 600 },
  ],
  [
    'reads in both, a delete, and a barrier',
    {
      acts: [read('a'), read('b'), remove('b'), barrier('a')],
      mostLoads: 4,
      sent: 'both',
      some: 1_000,
    },
  ],
  [
    'a copy, a delete elsewhere, and a barrier without a loader',
    { warm: 'fresh', acts: [read('a'), remove('b'), barrierGet('a')], mostLoads: 1, sent: 'both' },
  ],
  [
    'a read, a set elsewhere, and a barrier',
    { acts: [read('a'), set('b'), barrier('a')], mostLoads: 2, sent: 'both', some: 600 },
  ],
  [
    'a refresh, a delete elsewhere, and a barrier',
    { warm: 'stale', acts: [read('a'), remove('b'), barrier('a')], mostLoads: 2, some: 600 },
  ],
  [
    'refreshes in both, a set, and a barrier',
    {
      warm: 'stale',
      acts: [read('a'), read('b'), set('b'), barrier('a')],
      mostLoads: 3,
      sent: 'both',
      some: 600,
    },
  ],
  [
    'a refresh, an expire elsewhere, and a barrier',
    {
      warm: 'fresh',
      acts: [read('a'), expire('b'), barrier('a'), read('b')],
      mostLoads: 3,
      mayBeOld: true,
      some: 600,
    },
  ],
  [
    'a reload, a delete elsewhere, and a barrier',
    { acts: [reload('a'), remove('b'), barrier('a')], mostLoads: 2, some: 600 },
  ],
  [
    'a load here, a reload elsewhere, a set, and a barrier',
    { acts: [read('a'), reload('b'), set('a'), barrier('b')], mostLoads: 4, some: 600 },
  ],
  [
    'a batch, a delete elsewhere, and a batch as a barrier',
    { acts: [batch('a'), remove('b'), batch('a', 'barrier')], mostLoads: 2, some: 600 },
  ],
  [
    'a batch that refreshes, a delete elsewhere, and a barrier',
    { warm: 'stale', acts: [batch('a'), remove('b'), barrier('a')], mostLoads: 2, some: 600 },
  ],
  [
    'loads of a tag in both, an invalidation elsewhere, and a barrier',
    {
      acts: [tagged('a'), tagged('b'), invalidate('b'), tagged('a', 'barrier')],
      mostLoads: 4,
      sent: 'both',
      some: 1_000,
    },
  ],
  [
    'a copy of a tag, an invalidation elsewhere, and a barrier',
    {
      warm: 'fresh',
      acts: [tagged('a'), invalidate('b'), tagged('a', 'barrier')],
      mostLoads: 2,
      sent: 'both',
      some: 600,
    },
  ],
  [
    'a load, a clear elsewhere, and a barrier',
    { acts: [read('a'), clear('b'), barrier('a')], mostLoads: 2, sent: 'both', some: 600 },
  ],
]

describe('in every order of what two processes and the store that they share do', () => {
  it.each(SCENES)(
    'a change that was acknowledged is obeyed: %s',
    { timeout: 240_000 },
    async (name, setting) => {
      let next = await warmed(setting)
      const play = setting.some === undefined ? everyOrder : someOrders(setting.some)
      const orders = await play(() => {
        const scene = sceneOf(setting, next)
        return {
          ...scene,
          check: async () => {
            await scene.check()
            await scene.close()
            next = await warmed(setting)
          },
        }
      })
      if (process.env['SHOW_ORDERS'] !== undefined)
        process.stdout.write(`${orders} orders: ${name}\n`)
      expect(orders).toBeGreaterThan(3)
    },
  )
})
