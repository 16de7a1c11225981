import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache } from '../src/index.ts'
import { everyOrder, type Scene, turn } from './support/explore.ts'
import { atOnce, scriptedTier } from './support/scripted-tier.ts'
import { Stepped } from './support/stepped.ts'

type Load = () => Promise<string>

interface Act {
  readonly name: string
  /** Which process does it. */
  readonly by: 0 | 1
  run(cache: Cache, load: Load): Promise<unknown>
  readonly changes?: boolean
}

const tags = ['t']
const get = (by: 0 | 1, name = 'get'): Act => ({
  name: `${name} in ${by}`,
  by,
  run: (cache, load) => cache.getOrLoad('k', load, { tags }),
})
/** Tells its tag only when it has the value. */
const getLate = (by: 0 | 1, name = 'get late'): Act => ({
  name: `${name} in ${by}`,
  by,
  run: (cache, load) =>
    cache.getOrLoad('k', async ({ setTags }) => {
      const value = await load()
      setTags('t')
      return value
    }),
})
const getMany = (by: 0 | 1): Act => ({
  name: `get many in ${by}`,
  by,
  run: async (cache, load) =>
    (await cache.getOrLoadMany(['k'], async () => [await load()], { tags }))[0],
})
const invalidate = (by: 0 | 1): Act => ({
  name: `invalidate in ${by}`,
  by,
  run: (cache) => cache.invalidateTags('t'),
  changes: true,
})
const clear = (by: 0 | 1): Act => ({
  name: `clear in ${by}`,
  by,
  run: (cache) => cache.clear(),
  changes: true,
})

interface Setting {
  readonly acts: readonly Act[]
  /** Whether both processes have seen the tag before. */
  readonly known: boolean
}

/** Two processes over one tier, whose answers about versions come step by step. Each has its own memory of versions, and nothing else. */
async function warmed(known: boolean) {
  const clock = manualClock()
  const lower = scriptedTier('lower')
  const caches = [0, 1].map(() => createCache({ tiers: [lower], clock, ttl: '10m' }))
  for (const cache of caches) await cache.getOrLoad('other', () => 1, known ? { tags } : {})
  await turn()
  lower.entries.clear()
  return { clock, lower, caches }
}

function sceneOf(
  { acts }: Setting,
  { clock, lower, caches }: Awaited<ReturnType<typeof warmed>>,
): Scene {
  const steps = new Stepped('versions')
  lower.versionScript = steps.script
  let value = 'old'
  let loads = 0
  const ends: { readonly name: string; readonly run: () => void }[] = []
  const load: Load = () => {
    const seen = value
    loads += 1
    const name = `load ${loads} ends`
    return new Promise((resolve) => {
      ends.push({ name, run: () => resolve(seen) })
    })
  }
  const waiting = [...acts]
  const acknowledged = new Set<number>()
  const wrong: string[] = []
  return {
    enabled: () => [
      ...waiting.map(({ name }) => name),
      ...steps.enabled,
      ...ends.map(({ name }) => name),
    ],
    happen(name) {
      if (steps.happen(name)) return
      const end = ends.findIndex((one) => one.name === name)
      if (end !== -1) {
        ends.splice(end, 1)[0]?.run()
        return
      }
      const [act] = waiting.splice(
        waiting.findIndex((one) => one.name === name),
        1,
      )
      if (act === undefined) return
      const { by, changes } = act
      if (changes === true) value = 'new'
      const late = acknowledged.has(by)
      act.run(caches[by] as Cache, load).then(
        (answer) => {
          if (changes === true) acknowledged.add(by)
          else if (late && answer !== 'new') wrong.push(`${name} saw ${String(answer)}`)
        },
        (error: unknown) => wrong.push(`${name} failed: ${String(error)}`),
      )
    },
    async check() {
      await turn()
      expect(wrong).toEqual([])
      expect(acknowledged.size).toBeGreaterThan(0)
      lower.versionScript = atOnce
      for (const cache of caches) expect(cache.stats().inFlight).toBe(0)
      // Whoever looks after a while, and whoever comes new, must not find the old value.
      clock.advance(1_100)
      const third = createCache({ tiers: [lower], clock, ttl: '10m' })
      for (const cache of [third, ...caches]) {
        expect((await cache.get('k')) ?? 'new').toBe('new')
      }
    },
  }
}

const SCENES: readonly (readonly [name: string, setting: Setting])[] = [
  [
    'a load, and an invalidation in the same process',
    { known: true, acts: [get(0), invalidate(0)] },
  ],
  [
    'a load, and an invalidation in another process',
    { known: true, acts: [get(0), invalidate(1)] },
  ],
  [
    'a load of an unknown tag, and an invalidation in another process',
    { known: false, acts: [get(0), invalidate(1)] },
  ],
  [
    'a load that tells a known tag late, and an invalidation in another process',
    { known: true, acts: [getLate(0), invalidate(1)] },
  ],
  [
    'a load that tells an unknown tag late, and an invalidation in another process',
    { known: false, acts: [getLate(0), invalidate(1)] },
  ],
  [
    'a load that tells an unknown tag late, and an invalidation in the same process',
    { known: false, acts: [getLate(0), invalidate(0)] },
  ],
  [
    'two callers, and an invalidation in the same process',
    { known: true, acts: [get(0), get(0, 'get again'), invalidate(0)] },
  ],
  [
    'two callers whose tag comes late, and an invalidation in the same process',
    { known: true, acts: [getLate(0), getLate(0, 'get again'), invalidate(0)] },
  ],
  [
    'loads in both processes, and an invalidation',
    { known: true, acts: [get(0), get(1), invalidate(1)] },
  ],
  ['two invalidations and a load', { known: true, acts: [get(0), invalidate(0), invalidate(1)] }],
  ['a batch and an invalidation', { known: true, acts: [getMany(0), get(0), invalidate(0)] }],
  [
    'a load and a clear in the same process',
    { known: true, acts: [get(0), get(0, 'get again'), clear(0)] },
  ],
  ['a load and a clear in another process', { known: true, acts: [get(0), clear(1)] }],
]

describe('in every order of what two processes and the tier that they share do', () => {
  it.each(SCENES)(
    'nothing invalidated is found again: %s',
    { timeout: 120_000 },
    async (name, setting) => {
      // The scenes of all orders begin alike, each with processes of its own.
      let next = await warmed(setting.known)
      const orders = await everyOrder(() => {
        const scene = sceneOf(setting, next)
        return {
          ...scene,
          check: async () => {
            await scene.check()
            next = await warmed(setting.known)
          },
        }
      })
      if (process.env['SHOW_ORDERS'] !== undefined)
        process.stdout.write(`${orders} orders: ${name}\n`)
      expect(orders).toBeGreaterThan(3)
    },
  )
})
