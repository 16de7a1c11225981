import { deferred, type RedisServer, startRedis, until } from '@hitbox/testing'
import { type Cache, type CachedFunction, defineCache, type Fresh } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { amount } from './support/amount.ts'
import type { Mechanism } from '../src/disarmed.ts'
import { Caches } from './support/caches.ts'

const MAX_STALE_MS = 300
const OLD = 1
const NEW = 2
const TAG = 'tag'
const COPIES = amount(500, 10_000)

/** One key in two processes: `here` a load is held, `there` the key is changed meanwhile. */
interface Scene {
  readonly here: Cache<number>
  readonly there: Cache<number>
  readonly key: readonly [string, number]
  /** What the source has now. */
  version: number
  /** What a load gives that began before this moment comes when it is opened. */
  readonly gate: Promise<void>
  /** Called when the first load has begun, and seen what the source had then. */
  readonly begun: () => void
}

/** A way to load: begins with a call that ends when the held load has. */
type Load = (scene: Scene) => Promise<unknown>

/** Makes the value: the first load is held. */
function loader(scene: Scene): (id?: unknown) => Promise<number> {
  return async () => {
    const { version } = scene
    if (version === OLD) {
      scene.begun()
      await scene.gate
    }
    return version
  }
}

const options = { tags: [TAG] } as const

const loads = {
  getOrLoad: (scene) => scene.here.getOrLoad(scene.key, loader(scene), options),
  fn: (scene) => {
    const [name, id] = scene.key
    const make = loader(scene)
    const cached = scene.here.fn(name, (of: number) => make(of), options)
    return (cached as CachedFunction<[number], number>)(id)
  },
  getOrLoadMany: (scene) => {
    const make = loader(scene)
    const all = async (keys: readonly unknown[]): Promise<number[]> => {
      const value = await make()
      return keys.map(() => value)
    }
    return scene.here.getOrLoadMany([scene.key, ['other', scene.key[1]]], all, options)
  },
  defineCache: (scene) => {
    const [name, id] = scene.key
    const make = loader(scene)
    const defined = defineCache(
      { [name]: { load: (of: number) => make(of), tags: [TAG] } },
      scene.here,
    )
    return (defined[name] as unknown as (id: number) => Promise<number>)(id)
  },
  'a refresh behind': async (scene) => {
    await scene.here.set(scene.key, OLD, { ...options, staleAfter: 0 })
    const { stores } = scene.here.stats()
    await scene.here.getOrLoad(scene.key, loader(scene), options)
    await scene.gate
    // It is over when its value was stored, or refused.
    await until('the refresh is over', () => {
      const { inFlight, stores: now, overtaken } = scene.here.stats()
      return inFlight === 0 || now > stores || overtaken > 0
    })
  },
  'getOrLoad with reload': async (scene) => {
    await scene.there.set(scene.key, OLD, options)
    return scene.here.getOrLoad(scene.key, loader(scene), { ...options, reload: true })
  },
} satisfies Record<string, Load>

const changes = {
  delete: ({ there, key }) => there.delete(key),
  deleteMany: ({ there, key }) => there.deleteMany([key, 'another']),
  set: ({ there, key }) => there.set(key, NEW, options),
  setMany: ({ there, key }) => there.setMany([[key, NEW]], options),
  invalidateTags: ({ there }) => there.invalidateTags(TAG),
  clear: ({ there }) => there.clear(),
  expire: ({ there, key }) => there.expire(key),
} satisfies Record<string, (scene: Scene) => Promise<unknown>>

type Change = keyof typeof changes
type Way = keyof typeof loads

const table = (Object.keys(changes) as Change[]).flatMap((change) =>
  (Object.keys(loads) as Way[]).map((way) => [change, way] as const),
)

describe('G1 no stale fill', () => {
  let server: RedisServer
  const caches = new Caches()
  let keys = 0

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(() => caches.closeAll())

  /** Lets a load and a change cross, and tells what both processes read from then on. */
  async function crossed(
    change: Change,
    way: Way,
    { coherence, without }: { coherence: 'tracking' | 'pubsub'; without?: readonly Mechanism[] },
  ): Promise<{ reads: (fresh?: Fresh) => Promise<(number | undefined)[]>; hit: boolean }> {
    const setup = {
      redis: { coherence, maxStale: `${MAX_STALE_MS}ms`, responseTimeout: '10s' },
      cache: { tierTimeout: '20s' },
      ...(without && { without }),
    } as const
    keys += 1
    const gate = deferred()
    const begun = deferred()
    const here = caches.open(server.url, setup)
    const there = caches.open(server.url, setup)
    const key = [`kind${keys}`, keys] as const
    const scene: Scene = {
      here,
      there,
      key,
      version: OLD,
      gate: gate.promise,
      begun: begun.resolve,
    }
    const call = loads[way](scene)
    await begun.promise
    scene.version = NEW
    await changes[change](scene)
    gate.resolve()
    await call
    const reads = (fresh?: Fresh): Promise<(number | undefined)[]> => {
      const asked = fresh === undefined ? options : { ...options, fresh }
      const read = { fresh }
      return Promise.all([
        here.get(key, read),
        there.get(key, read),
        here.getOrLoad(key, loader(scene), asked),
        there.getOrLoad(key, loader(scene), asked),
      ])
    }
    return { reads, hit: here.stats().hits > 0 }
  }

  describe.each(['tracking', 'pubsub'] as const)('by %s', (coherence) => {
    it.each(table)(
      'after %s was acknowledged no load of %s that began before brings the old value back',
      async (change, way) => {
        const { reads } = await crossed(change, way, { coherence })
        const fresh = coherence === 'tracking' ? 'barrier' : undefined
        if (change === 'expire') {
          // What was marked may be served while it is made anew.
          await until('it was made anew', async () => !(await reads(fresh)).includes(OLD))
        } else if (fresh === undefined) {
          // Messages come when they come; within the bound in any case.
          await until('nothing old is read', async () => !(await reads()).includes(OLD), {
            within: `${MAX_STALE_MS + 500}ms`,
          })
        } else expect(await reads(fresh)).not.toContain(OLD)
        // All has arrived: nobody reads it again, be it without a demand.
        expect(await reads()).not.toContain(OLD)
        expect((await reads()).slice(2)).toEqual([NEW, NEW])
      },
    )
  })

  /** One reads from the server what the other replaces at the same moment. @returns how often the copy that was kept is old. */
  async function copied(without: readonly Mechanism[]): Promise<number> {
    const setup = { redis: { responseTimeout: '10s' }, cache: { tierTimeout: '20s' } } as const
    const here = caches.open(server.url, { ...setup, without })
    const there = caches.open(server.url, setup)
    await Promise.all([here.ready(), there.ready()])
    let old = 0
    for (let round = 0; round < COPIES; round += 1) {
      keys += 1
      const key = `copied${keys}`
      await there.set(key, OLD)
      await Promise.all([here.get(key), there.set(key, NEW)])
      if ((await here.get(key, { fresh: 'barrier' })) !== NEW) old += 1
    }
    return old
  }

  it(`a copy that is on its way while its value is replaced is not kept, ${COPIES} times`, async () => {
    expect(await copied([])).toBe(0)
  })

  it('is noticed here when copies are kept that a change has overtaken', async () => {
    expect(await copied(['registry'])).toBeGreaterThan(0)
  })

  it('is noticed here when fills are not bound to a lease', async () => {
    const setup = { coherence: 'tracking', without: ['lease'] } as const
    const { reads } = await crossed('delete', 'getOrLoad', setup)
    expect(await reads('barrier')).toContain(OLD)
  })
})
