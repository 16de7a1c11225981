import { type Deferred, deferred } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { KEY, Scene, type TierChoice } from './support/scene.ts'
import { turn } from './support/setup.ts'

/*
 * A change during a load, of whatever kind the two are: who called before it gets what the load gives, nothing of it is stored, and
 * who calls after it gets the changed value or a load of his own. Rust's machine has no such rule; its loads overwrite what changed.
 */

interface Setting {
  readonly scene: Scene
  /** The loads so far, each waiting for the test. */
  readonly loads: Deferred<string>[]
  readonly load: () => Promise<string>
}

/** Ways to have a load of {@link KEY} under way. @returns what the caller from before gets. */
const LOADS: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  'a single load': ({ scene, load }) => scene.cache.getOrLoad(KEY, load),
  'a load that was asked for': ({ scene, load }) =>
    scene.cache.getOrLoad(KEY, load, { fresh: true }),
  'a batch': async ({ scene, load }) => {
    const keys = [KEY, ['user', 2]] as const
    const [value] = await scene.cache.getOrLoadMany(keys, async () => [await load(), 'other'])
    return value
  },
  'a cached function': ({ scene, load }) => scene.cache.fn<[number], string>('user', load)(1),
  'a refresh behind a caller': async ({ scene, load }) => {
    await scene.cache.set(KEY, 'old', { staleAfter: 0 })
    return scene.cache.getOrLoad(KEY, load)
  },
  'a refresh of a batch': async ({ scene, load }) => {
    await scene.cache.set(KEY, 'old', { staleAfter: 0 })
    const [value] = await scene.cache.getOrLoadMany([KEY], async () => [await load()])
    return value
  },
  'a refresh of a cached function': async ({ scene, load }) => {
    await scene.cache.set(KEY, 'old', { staleAfter: 0 })
    return scene.cache.fn<[number], string>('user', load)(1)
  },
  'a revalidation': async ({ scene, load }) => {
    await scene.cache.set(KEY, 'old', { staleAfter: 0 })
    return scene.cache.getOrLoad(KEY, load, { stalePolicy: 'revalidate' })
  },
}

/** Ways to change {@link KEY}, and what is there afterwards. */
const CHANGES: Readonly<
  Record<string, { readonly make: (scene: Scene) => Promise<unknown>; readonly leaves: Left }>
> = {
  delete: { make: ({ cache }) => cache.delete(KEY), leaves: 'nothing' },
  deleteMany: { make: ({ cache }) => cache.deleteMany([['user', 3], KEY]), leaves: 'nothing' },
  set: { make: ({ cache }) => cache.set(KEY, 'changed'), leaves: 'changed' },
  setMany: { make: ({ cache }) => cache.setMany([[KEY, 'changed']]), leaves: 'changed' },
  'set for no time': {
    make: ({ cache }) => cache.set(KEY, 'changed', { ttl: 0 }),
    leaves: 'nothing',
  },
  expire: { make: ({ cache }) => cache.expire(KEY), leaves: 'what was there' },
}

type Left = 'nothing' | 'changed' | 'what was there'

interface Row {
  readonly loading: string
  readonly change: string
  readonly tiers: TierChoice
  /** Whether the overtaken load ends before the next caller comes, or after his load. */
  readonly ends: 'before' | 'after'
}

const ROWS: readonly Row[] = Object.keys(LOADS)
  .flatMap((loading) =>
    Object.keys(CHANGES).flatMap((change) =>
      (['memory', 'memory over a store'] as const).flatMap((tiers) =>
        (['before', 'after'] as const).map((ends) => ({ loading, change, tiers, ends })),
      ),
    ),
  )
  // The offload takes one refresh of a key at a time, so there the next begins only when the overtaken one has ended.
  .filter(
    ({ loading, change, ends }) =>
      !(change === 'expire' && ends === 'after' && /^a refresh (?!of a batch)/.test(loading)),
  )

async function play({ loading, change, tiers, ends }: Row): Promise<void> {
  const loads: Deferred<string>[] = []
  const scene = new Scene({}, tiers)
  const load = (): Promise<string> => {
    const one = deferred<string>()
    loads.push(one)
    return one.promise
  }
  const { cache } = scene
  const behind = loading.startsWith('a refresh')
  const old = behind || loading === 'a revalidation'

  const before = LOADS[loading]!({ scene, loads, load })
  await turn()
  expect(loads).toHaveLength(1)
  const { make, leaves } = CHANGES[change]!
  await make(scene)
  const left = leaves === 'what was there' ? (old ? 'old' : undefined) : leaves
  const found = left === 'nothing' ? undefined : left
  if (ends === 'before') {
    loads[0]!.resolve('overtaken')
    await turn()
  }
  expect(await cache.get(KEY)).toBe(found)
  const later = cache.getOrLoad(KEY, load)
  await turn()
  // What was changed to answers by itself; anything else is made anew, behind the caller where there is an old value.
  const anew = found !== 'changed'
  expect(loads).toHaveLength(anew ? 2 : 1)
  if (anew) loads[1]!.resolve('anew')
  expect(await later).toBe(found ?? 'anew')
  await turn()
  if (ends === 'after') loads[0]!.resolve('overtaken')
  expect(await before).toBe(behind ? 'old' : 'overtaken')
  await turn()
  const kept = anew ? 'anew' : 'changed'
  expect(await cache.get(KEY)).toBe(kept)
  if (tiers !== 'memory') expect(scene.store.entries.get('user:1')?.data).toBe(kept)
  expect(cache.stats()).toMatchObject({ overtaken: 1, inFlight: 0 })
}

describe.each(Object.keys(CHANGES))('%s', (change) => {
  it.each(ROWS.filter((row) => row.change === change))(
    'overtakes $loading, which ends $ends the next, over $tiers',
    play,
  )
})
