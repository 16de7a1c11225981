import { type Deferred, deferred } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { type CacheOptions, defineCache, type Namespace } from '../src/index.ts'
import { KEY, Scene, type TierChoice } from './support/scene.ts'
import { turn } from './support/setup.ts'

/*
 * A change during a load, of whatever kind the two are: who called before it gets what the load gives, nothing of it is stored, and
 * who calls after it gets the changed value or a load of his own. Rust's machine has no such rule; its loads overwrite what changed.
 */

interface Setting {
  readonly scene: Scene
  /** The cache, or a namespace of it. */
  readonly view: Namespace
  readonly load: () => Promise<string>
}

/** Ways to have a load of {@link KEY} under way. @returns what the caller from before gets. */
const LOADS: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  'a single load': ({ view, load }) => view.getOrLoad(KEY, load),
  'a load that was asked for': ({ view, load }) => view.getOrLoad(KEY, load, { reload: true }),
  'a batch': async ({ view, load }) => {
    const keys = [KEY, ['user', 2]] as const
    const [value] = await view.getOrLoadMany(keys, async () => [await load(), 'other'])
    return value
  },
  'a cached function': ({ view, load }) => view.fn<[number], string>('user', load)(1),
  'a definition': ({ view, load }) => {
    const { user } = defineCache({ user: { load: (_id: number) => load() } }, view)
    return user(1)
  },
  'a definition of many': async ({ view, load }) => {
    const loadMany = async (ids: readonly number[]): Promise<string[]> => {
      const first = await load()
      return ids.map((id) => (id === 1 ? first : 'other'))
    }
    const [value] = await defineCache({ user: { loadMany } }, view).user.many([1, 2])
    return value
  },
  'a refresh behind a caller': async ({ view, load }) => {
    await view.set(KEY, 'old', { staleAfter: 0 })
    return view.getOrLoad(KEY, load)
  },
  'a refresh of a batch': async ({ view, load }) => {
    await view.set(KEY, 'old', { staleAfter: 0 })
    const [value] = await view.getOrLoadMany([KEY], async () => [await load()])
    return value
  },
  'a refresh of a cached function': async ({ view, load }) => {
    await view.set(KEY, 'old', { staleAfter: 0 })
    return view.fn<[number], string>('user', load)(1)
  },
  'a refresh of a definition': async ({ view, load }) => {
    await view.set(KEY, 'old', { staleAfter: 0 })
    const { user } = defineCache({ user: { load: (_id: number) => load() } }, view)
    return user(1)
  },
  'a revalidation': async ({ view, load }) => {
    await view.set(KEY, 'old', { staleAfter: 0 })
    return view.getOrLoad(KEY, load, { stalePolicy: 'revalidate' })
  },
}

interface Change {
  readonly make: (setting: Setting) => Promise<unknown>
  /** What is there afterwards. */
  readonly leaves: 'nothing' | 'changed' | 'what was there'
  /** Whether it ends other keys with it. */
  readonly wide?: true
}

/** Ways to change {@link KEY}. */
const CHANGES: Readonly<Record<string, Change>> = {
  delete: { make: ({ view }) => view.delete(KEY), leaves: 'nothing' },
  deleteMany: { make: ({ view }) => view.deleteMany([['user', 3], KEY]), leaves: 'nothing' },
  set: { make: ({ view }) => view.set(KEY, 'changed'), leaves: 'changed' },
  setMany: { make: ({ view }) => view.setMany([[KEY, 'changed']]), leaves: 'changed' },
  'set for no time': {
    make: ({ view }) => view.set(KEY, 'changed', { ttl: 0 }),
    leaves: 'nothing',
  },
  expire: { make: ({ view }) => view.expire(KEY), leaves: 'what was there' },
  invalidateTags: {
    make: ({ view }) => view.invalidateTags('t'),
    leaves: 'nothing',
    wide: true,
  },
  'invalidateTags in another namespace': {
    make: ({ scene }) => scene.cache.namespace('elsewhere').invalidateTags('other', 't'),
    leaves: 'nothing',
    wide: true,
  },
  clear: { make: ({ view }) => view.clear(), leaves: 'nothing', wide: true },
  'clear of the whole cache': {
    make: ({ scene }) => scene.cache.clear(),
    leaves: 'nothing',
    wide: true,
  },
}

/** What happens near {@link KEY} and leaves its loads alone. */
const OTHERS: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  'a delete of another key': ({ view }) => view.delete(['user', '1']),
  'a set of another key': ({ view }) => view.set(['user', 1, 1], 'other'),
  'a delete of the same key in another namespace': ({ scene }) =>
    scene.cache.namespace('elsewhere').delete(KEY),
  'an invalidation of another tag': ({ view }) => view.invalidateTags('T', 't:1'),
  'a clear of another namespace': ({ scene }) => scene.cache.namespace('elsewhere').clear(),
  'a clear of a namespace within': ({ view }) => view.namespace('within').clear(),
  'a look at it': async ({ view }) => {
    view.peek(KEY)
    await view.has(KEY)
    await view.explain(KEY)
    await view.getMany([KEY])
  },
}

interface Row {
  readonly what: string
  readonly loading: string
}

interface Variant extends Row {
  readonly tiers: TierChoice
  readonly within: 'the cache' | 'a namespace'
  /** Whether the first load ends before the next caller comes, or after his load. */
  readonly ends: 'before' | 'after'
}

const rowsOf = (what: string): Row[] => Object.keys(LOADS).map((loading) => ({ what, loading }))

/** A row, over each choice of tiers, in the cache and in a namespace, and in both orders of the ends of loads. */
async function everyVariant(row: Row, play: (variant: Variant) => Promise<void>): Promise<void> {
  for (const tiers of ['memory', 'memory over a store'] as const) {
    for (const within of ['the cache', 'a namespace'] as const) {
      for (const ends of ['before', 'after'] as const) {
        try {
          await play({ ...row, tiers, within, ends })
        } catch (cause) {
          const where = `in ${within} over ${tiers}, the first load ends ${ends} the next call`
          throw new Error(where, { cause })
        }
      }
    }
  }
}

/** A load under way, and what was there before it. */
interface Begun extends Setting {
  readonly loads: readonly Deferred<string>[]
  readonly before: Promise<unknown>
  readonly old: 'old' | undefined
  /** What the lowest tier has under the key. */
  readonly stored: () => unknown
}

async function begin({ loading, tiers, within }: Variant): Promise<Begun> {
  const options: CacheOptions = { tags: ['t'] }
  const scene = new Scene(options, tiers, false)
  const view = within === 'a namespace' ? scene.cache.namespace('users') : scene.cache
  const loads: Deferred<string>[] = []
  const load = (): Promise<string> => {
    const one = deferred<string>()
    loads.push(one)
    return one.promise
  }
  const before = LOADS[loading]!({ scene, view, load })
  await turn()
  expect(loads).toHaveLength(1)
  const text = within === 'a namespace' ? 'users::user:1' : 'user:1'
  return {
    scene,
    view,
    load,
    loads,
    before,
    old: loading.startsWith('a re') ? 'old' : undefined,
    stored: () => (tiers === 'memory' ? view.peek(KEY) : scene.store.entries.get(text)?.data),
  }
}

/** Who was answered before the load ended. */
const behind = ({ loading }: Row): boolean => loading.startsWith('a refresh')

async function overtaken(row: Variant): Promise<void> {
  const begun = await begin(row)
  const { scene, view, load, loads, before, old, stored } = begun
  const { make, leaves, wide } = CHANGES[row.what]!
  await make(begun)
  const found = leaves === 'nothing' ? undefined : leaves === 'changed' ? leaves : old
  if (row.ends === 'before') {
    loads[0]!.resolve('overtaken')
    await turn()
  }
  expect(await view.get(KEY)).toBe(found)
  expect(await view.has(KEY)).toBe(found !== undefined)
  expect(view.peek(KEY)).toBe(found)
  const later = view.getOrLoad(KEY, load)
  await turn()
  // What was changed to answers by itself; anything else is made anew, behind the caller where there is an old value.
  const anew = found !== 'changed'
  expect(loads).toHaveLength(anew ? 2 : 1)
  if (anew) loads[1]!.resolve('anew')
  expect(await later).toBe(found ?? 'anew')
  await turn()
  if (row.ends === 'after') loads[0]!.resolve('overtaken')
  expect(await before).toBe(behind(row) ? 'old' : 'overtaken')
  await turn()
  const kept = anew ? 'anew' : 'changed'
  expect(await view.get(KEY)).toBe(kept)
  expect(stored()).toBe(kept)
  expect(scene.cache.stats()).toMatchObject({
    overtaken: wide === true ? 1 + otherLoads(row) : 1,
    inFlight: 0,
  })
}

async function leftAlone(row: Variant): Promise<void> {
  const begun = await begin(row)
  const { scene, view, load, loads, before, old, stored } = begun
  await OTHERS[row.what]!(begun)
  if (row.ends === 'before') {
    loads[0]!.resolve('new')
    await turn()
  }
  const later = view.getOrLoad(KEY, load)
  await turn()
  expect(loads).toHaveLength(1)
  loads[0]!.resolve('new')
  expect(await before).toBe(behind(row) ? 'old' : 'new')
  expect(await later).toBe(row.ends === 'before' ? 'new' : (old ?? 'new'))
  await turn()
  expect(await view.get(KEY)).toBe('new')
  expect(stored()).toBe('new')
  expect(scene.cache.stats()).toMatchObject({
    overtaken: 0,
    loads: 1 + otherLoads(row),
    inFlight: 0,
  })
}

/** Keys that a batch loads beside the one that is looked at. */
const otherLoads = ({ loading }: Row): number =>
  loading === 'a batch' || loading === 'a definition of many' ? 1 : 0

describe.each(Object.keys(CHANGES))('%s', (what) => {
  it.each(rowsOf(what))('overtakes $loading', async (row) => {
    await everyVariant(row, overtaken)
  })
})

describe.each(Object.keys(OTHERS))('%s', (what) => {
  it.each(rowsOf(what))('leaves alone $loading', async (row) => everyVariant(row, leftAlone))
})
