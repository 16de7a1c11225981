import { describe, expect, it } from 'vitest'
import type { Cache, Namespace } from '../src/index.ts'
import {
  answered,
  ask,
  broken,
  clear,
  enact,
  fail,
  give,
  giveTagged,
  invalidate,
  KEY,
  look,
  pass,
  put,
  remove,
  Scene,
  type Scenario,
  type Step,
  type TierChoice,
  unanswered,
} from './support/scene.ts'
import { turn } from './support/setup.ts'

/*
 * What an invalidation of a tag and a clear do at each place of the way of a request. Rust's tags (unreleased) compare the times of
 * the value's making and of the invalidation; here a value carries the versions it saw before its load began, so no clock decides.
 */

const MISS = 'check poll miss flight load admit store answer'
const LOAD = 'check poll miss flight load answer'
const UNKEPT = 'check poll miss flight load admit answer'
const tags = ['t']
const TIERS = ['memory', 'memory over a store', 'a store'] as const

/** Both end the value of {@link KEY}, so each row is played with the one and with the other. */
const ENDINGS: readonly (readonly [name: string, end: Step])[] = [
  ['invalidateTags', invalidate('t')],
  ['clear', clear],
]

interface Row extends Omit<Scenario, 'steps'> {
  readonly tiers?: TierChoice
  readonly steps: (end: Step) => readonly Step[]
}

const ROWS: readonly Row[] = [
  {
    name: 'a fresh value: as if it had never been there',
    options: { tags },
    steps: (end) => [ask(), give, end, look, ask(), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', undefined, 'check poll miss answer'],
      ['miss', 'v2', MISS],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 2,
  },
  {
    name: 'a stale value: not served, and not what the loader gets as the previous one',
    options: { tags, ttl: '10s', staleAfter: '5s' },
    steps: (end) => [
      put('old'),
      pass('5s'),
      end,
      ask(),
      ({ loads }) => expect(loads[0]?.context.previous).toBeUndefined(),
      give,
    ],
    answers: [['miss', 'v1', MISS]],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'a value that is kept for when loading fails: not for that either',
    options: { tags, ttl: '10s', staleIfError: '1m' },
    steps: (end) => [put('old'), pass('10s'), end, ask(), fail],
    answers: [['miss failed', 'no 1', LOAD]],
    loads: ['started', 'failed'],
    stores: 0,
  },
  {
    name: 'an old value held by who waits for its successor: falls back to it, and who comes later does not',
    options: { tags, ttl: '10s', staleAfter: '5s', stalePolicy: 'revalidate' },
    steps: (end) => [put('old'), pass('5s'), ask(), end, ask(), fail, fail],
    answers: [
      ['stale', 'old', 'check poll stale flight load answer'],
      ['miss failed', 'no 2', LOAD],
    ],
    loads: ['started', 'started', 'failed', 'failed'],
    stores: 0,
  },
  {
    name: 'a load under way: its caller has its value, the next one makes another',
    options: { tags },
    steps: (end) => [ask(2), end, ask(2), give, give, look],
    answers: [
      ['miss', 'v1', UNKEPT],
      ['miss collapsed', 'v1', 'check poll miss flight answer'],
      ['miss', 'v2', MISS],
      ['miss collapsed', 'v2', 'check poll miss flight answer'],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'started', 'done', 'done'],
    stores: 1,
  },
  {
    name: 'several loads under way: none of them is stored',
    options: { tags, concurrency: 2 },
    steps: (end) => [ask(2), end, give, look],
    answers: [
      ['miss', 'v1', UNKEPT],
      ['miss', 'v1', LOAD],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'started', 'done', 'abandoned'],
    stores: 0,
  },
  {
    name: 'a refresh under way: nothing of it is stored',
    options: { tags, ttl: '10s', staleAfter: '5s' },
    steps: (end) => [put('old'), pass('5s'), ask(), end, give, look],
    answers: [
      ['stale', 'old', 'check poll stale answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['refresh started', 'refresh done'],
    stores: 0,
  },
  {
    name: 'a value on its way into the tiers: not handed out meanwhile, and not found afterwards',
    tiers: 'memory over a store',
    options: { tags },
    steps: (end) => [unanswered('set'), ask(), give, end, look, answered, look],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', undefined, 'check poll miss answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'a value that the tiers could not take, and that serves a second longer: not any more',
    tiers: 'memory over a store',
    options: { tags },
    steps: (end) => [broken('set'), ask(), give, ask(), end, look, ask(), give],
    answers: [
      ['miss', 'v1', MISS],
      ['hit collapsed', 'v1', 'check answer'],
      ['miss', undefined, 'check poll miss answer'],
      ['miss', 'v2', MISS],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 0,
  },
  {
    name: 'a value that is just being read: not for who comes after, whatever the read brings',
    tiers: 'memory over a store',
    options: { tags },
    steps: (end) => [
      put('old'),
      ({ cache, store }) => {
        // Another process put it there: this one's memory does not have it.
        const entry = store.entries.get('user:1')
        return cache.delete(KEY).then(() => entry && store.entries.set('user:1', entry))
      },
      unanswered('get'),
      look,
      end,
      look,
      answered,
      look,
    ],
    answers: [
      ['miss', undefined, 'check poll miss answer'],
      ['miss', undefined, 'check poll miss answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: [],
    stores: 0,
  },
  {
    name: 'before anything was loaded: nothing is lost',
    options: { tags },
    steps: (end) => [end, ask(), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
]

/** Tags that only the load tells: until then nobody knows what belongs to them. */
const TOLD_BY_THE_LOAD: readonly Scenario[] = [
  {
    name: 'invalidated before the load began: stored',
    steps: [invalidate('t'), ask(), giveTagged('t'), look, invalidate('t'), look],
    answers: [
      ['miss', 'v1', MISS],
      ['hit', 'v1', 'check poll fresh answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'invalidated during the load: not stored',
    steps: [ask(), invalidate('t'), giveTagged('t'), look],
    answers: [
      ['miss', 'v1', UNKEPT],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
  {
    name: 'invalidated during the load, a caller who came after and joined: another load for him',
    steps: [ask(), invalidate('t'), ask(), giveTagged('t'), giveTagged('t'), look],
    answers: [
      ['miss', 'v1', UNKEPT],
      ['miss', 'v2', `check flight poll miss flight load admit store answer`],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 1,
  },
  {
    name: 'known here, and another one invalidated during the load: stored, and for who joined too',
    steps: [
      ask(),
      giveTagged('t'),
      remove,
      ask(),
      invalidate('other'),
      ask(),
      giveTagged('t'),
      look,
    ],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', 'v2', MISS],
      ['miss collapsed', 'v2', 'check flight answer'],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 2,
  },
]

/** Where other processes invalidate too, nobody can tell of a tag that is met for the first time what it was when the load began. */
const MET_FOR_THE_FIRST_TIME: readonly Scenario[] = [
  {
    name: 'and no tag was invalidated since the load began: stored',
    steps: [invalidate('other'), ask(), giveTagged('t'), look],
    answers: [
      ['miss', 'v1', MISS],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'and some tag was: answered, and not stored',
    steps: [ask(), invalidate('other'), giveTagged('t'), look],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
]

describe.each(ENDINGS)('%s ends', (_, end) => {
  for (const row of ROWS) {
    const places = row.tiers === undefined ? TIERS : [row.tiers]
    it.each(places)(`${row.name}, over %s`, (tiers) =>
      enact({ ...row, steps: row.steps(end) }, tiers),
    )
  }
})

describe.each(TIERS)('a tag that the load tells, over %s', (tiers) => {
  it.each(TOLD_BY_THE_LOAD.map((row) => [row.name, row] as const))('%s', (_, row) =>
    enact(row, tiers),
  )
})

describe.each(['memory over a store', 'a store'] as const)(
  'a tag that is met for the first time, over %s',
  (tiers) => {
    it.each(MET_FOR_THE_FIRST_TIME.map((row) => [row.name, row] as const))('%s', (_, row) =>
      enact(row, tiers),
    )
  },
)

/** Places that a key can be in. No two share anything. */
const PLACES: Readonly<Record<string, (cache: Cache) => Namespace>> = {
  'the cache': (cache) => cache,
  'namespace a': (cache) => cache.namespace('a'),
  'namespace b': (cache) => cache.namespace('b'),
  'namespace b in namespace a': (cache) => cache.namespace('a').namespace('b'),
  'namespace a in namespace b': (cache) => cache.namespace('b').namespace('a'),
  'version 2 of namespace a': (cache) => cache.namespace('a', { version: 2 }),
  'version 3 of namespace a': (cache) => cache.namespace('a', { version: 3 }),
}

/** Ways to bring a value into a place. */
const WAYS: Readonly<Record<string, (view: Namespace, value: string) => Promise<unknown>>> = {
  set: (view, value) => view.set(KEY, value),
  setMany: (view, value) => view.setMany([[KEY, value]]),
  getOrLoad: (view, value) => view.getOrLoad(KEY, () => value),
  getOrLoadMany: (view, value) => view.getOrLoadMany([KEY], () => [value]),
  'a cached function': (view, value) => view.fn<[number], string>('user', () => value)(1),
}

describe.each(TIERS)('namespaces over %s', (tiers) => {
  it.each(Object.keys(WAYS))('keep what comes in by %s to themselves', async (way) => {
    const { cache } = new Scene({}, tiers, false)
    const views = Object.entries(PLACES).map(([place, of]) => [place, of(cache)] as const)
    for (const [place, view] of views) {
      expect(await view.get(KEY)).toBeUndefined()
      expect(await view.has(KEY)).toBe(false)
      await WAYS[way]!(view, place)
      await turn()
    }
    const inMemory = tiers !== 'a store'
    for (const [place, view] of views) {
      expect(await view.get(KEY)).toBe(place)
      expect(await view.getMany([KEY])).toEqual([place])
      expect(await view.getOrLoad(KEY, () => 'loaded')).toBe(place)
      expect(view.peek(KEY)).toBe(inMemory ? place : undefined)
    }
    // Another view of a namespace is the same namespace.
    expect(await PLACES['namespace a']!(cache).get(KEY)).toBe('namespace a')
  })

  it.each<[string, (view: Namespace) => Promise<unknown>, unknown]>([
    ['delete', (view) => view.delete(KEY), undefined],
    ['deleteMany', (view) => view.deleteMany([KEY]), undefined],
    ['set', (view) => view.set(KEY, 'changed'), 'changed'],
    ['expire', (view) => view.expire(KEY), 'stale'],
  ])('are not touched by %s in another', async (_, change, left) => {
    const { cache } = new Scene({}, tiers, false)
    const views = Object.entries(PLACES).map(([place, of]) => [place, of(cache)] as const)
    for (const [place, view] of views) await view.set(KEY, place)
    for (const [index, [place, view]] of views.entries()) {
      await change(view)
      const { value, context } = await view.get.withContext(KEY)
      expect(left === 'stale' ? [value, context.status] : value).toEqual(
        left === 'stale' ? [place, 'stale'] : left,
      )
      for (const [other, untouched] of views.slice(index + 1)) {
        const found = await untouched.get.withContext(KEY)
        expect([found.value, found.context.status]).toEqual([other, 'hit'])
      }
    }
  })

  it('load the same key each for itself, at the same moment', async () => {
    const scene = new Scene({}, tiers)
    const views = Object.values(PLACES).map((of) => of(scene.cache))
    for (const view of views) {
      scene.follow(() => view.getOrLoad.withContext(KEY, scene.load))
      scene.follow(() => view.getOrLoad.withContext(KEY, scene.load))
    }
    await turn()
    expect(scene.loads).toHaveLength(views.length)
    await scene.play(views.map(() => give))
    expect(scene.answers().map(([outcome, value]) => [outcome, value])).toEqual(
      views.flatMap((_, index) => [
        ['miss', `v${index + 1}`],
        ['miss collapsed', `v${index + 1}`],
      ]),
    )
  })

  const BESIDE_A = ['the cache', 'namespace b', 'namespace a in namespace b']

  // Keys of other versions are others, and so a delete does not reach them; a clear of the namespace reaches all of them.
  it.each([
    ['the cache', []],
    ['namespace a', BESIDE_A],
    ['version 2 of namespace a', BESIDE_A],
    [
      'namespace b in namespace a',
      [...BESIDE_A, 'namespace a', 'version 2 of namespace a', 'version 3 of namespace a'],
    ],
  ])('a clear of %s ends what is in it and beneath, and nothing else', async (cleared, left) => {
    const { cache } = new Scene({}, tiers, false)
    for (const [place, of] of Object.entries(PLACES)) await of(cache).set(KEY, place)
    await PLACES[cleared]!(cache).clear()
    const found: string[] = []
    for (const [place, of] of Object.entries(PLACES)) {
      if ((await of(cache).get(KEY)) === place) found.push(place)
    }
    expect(found.toSorted()).toEqual(left.toSorted())
  })
})
