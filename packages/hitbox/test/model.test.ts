import { borrowed } from '@hitbox/composition'
import type { CacheBackend } from '@hitbox/core'
import { type ManualClock, manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cache, createCache, type Namespace } from '../src/index.ts'
import { memory, remote, turn } from './support/setup.ts'

const TTL = 60_000
const STALE_AFTER = 20_000
const STALE_IF_ERROR = 40_000
const RETRY_AFTER = 1_000
/** Longer than another process goes by what it knows of versions. */
const FOLLOWED = 1_001

/** A namespace by its path; the cache itself is `''`. */
type Space = '' | 'n' | 'n/m'
type Tag = 'x' | 'y'

interface Key {
  readonly space: Space
  readonly name: string
  readonly tags: readonly Tag[]
  /** Whether only its load tells its tags. */
  readonly told: boolean
}

const KEYS: readonly Key[] = [
  { space: '', name: 'a', tags: ['x'], told: false },
  { space: '', name: 'b', tags: ['x', 'y'], told: false },
  { space: '', name: 'c', tags: ['y'], told: true },
  { space: 'n', name: 'a', tags: [], told: false },
  { space: 'n', name: 'c', tags: ['y'], told: true },
  { space: 'n/m', name: 'b', tags: ['x', 'y'], told: false },
]
const SPACES: readonly Space[] = ['', 'n', 'n/m']

interface Kept {
  value: number
  staleAt: number
  usableUntil: number
  keptUntil: number
}

/** What the cache promises, told as simply as can be: one caller at a time, everything behind done at once. */
class Model {
  /** Whether there is a tier that others share. */
  readonly shared: boolean
  now = 0
  down = false
  made = 0
  hits = 0
  stale = 0
  misses = 0
  readonly entries = new Map<Key, Kept>()
  readonly failures = new Map<Key, { streak: number; retryAt: number }>()
  /** Keys whose value was invalidated and has not been replaced. */
  readonly #ended = new Set<Key>()

  constructor(shared: boolean) {
    this.shared = shared
  }

  set(key: Key, value: number): void {
    this.failures.delete(key)
    this.#ended.delete(key)
    this.entries.set(key, {
      value,
      staleAt: this.now + STALE_AFTER,
      usableUntil: this.now + TTL,
      keptUntil: this.now + TTL + STALE_IF_ERROR,
    })
  }

  delete(key: Key): unknown {
    this.failures.delete(key)
    const found = this.find(key) !== undefined
    this.entries.delete(key)
    // What was invalidated may still take room, and then its removal is told.
    return this.#ended.delete(key) ? expect.any(Boolean) : found
  }

  expire(key: Key): boolean {
    this.failures.delete(key)
    const entry = this.find(key)
    if (entry !== undefined) entry.staleAt = Math.min(entry.staleAt, this.now)
    return entry !== undefined
  }

  invalidate(tags: readonly Tag[]): void {
    this.#end((key) => key.tags.some((tag) => tags.includes(tag)))
  }

  clear(space: Space): void {
    this.#end((key) => key.space.startsWith(space))
  }

  /** Another process begins with what the shared tier has. */
  restart(): void {
    this.failures.clear()
    this.hits = 0
    this.stale = 0
    this.misses = 0
  }

  has(key: Key): boolean {
    return (this.find(key)?.usableUntil ?? 0) > this.now
  }

  get(key: Key): number | undefined {
    const entry = this.find(key)
    if (entry === undefined || entry.usableUntil <= this.now) {
      this.misses += 1
      return undefined
    }
    this.#count(entry)
    return entry.value
  }

  getOrLoad(key: Key): number | 'failed' {
    const entry = this.find(key)
    if (entry !== undefined && entry.staleAt > this.now) {
      this.#count(entry)
      return entry.value
    }
    const resting = this.now < (this.failures.get(key)?.retryAt ?? 0)
    if (entry !== undefined && (resting || entry.usableUntil > this.now)) {
      this.stale += 1
      const { value } = entry
      if (!resting) this.#load(key, true)
      return value
    }
    const loaded = this.#load(key, entry !== undefined)
    if (loaded !== 'failed' || entry === undefined) {
      this.misses += 1
      return loaded
    }
    this.stale += 1
    return entry.value
  }

  find(key: Key): Kept | undefined {
    const entry = this.entries.get(key)
    return entry !== undefined && entry.keptUntil > this.now ? entry : undefined
  }

  #load(key: Key, held: boolean): number | 'failed' {
    if (!this.down) {
      this.made += 1
      this.set(key, this.made)
      return this.made
    }
    if (held) {
      const streak = (this.failures.get(key)?.streak ?? 0) + 1
      const retryAt = this.now + RETRY_AFTER * 2 ** Math.min(streak - 1, 5)
      this.failures.set(key, { streak, retryAt })
    }
    return 'failed'
  }

  #count(entry: Kept): void {
    if (entry.staleAt > this.now) this.hits += 1
    else this.stale += 1
  }

  #end(concerns: (key: Key) => boolean): void {
    for (const key of KEYS) {
      if (!concerns(key)) continue
      if (this.entries.delete(key)) this.#ended.add(key)
      this.failures.delete(key)
    }
  }
}

/** One cache, which can be followed by another over the same shared tier; and one elsewhere, where there is such a tier. */
class Real {
  readonly clock: ManualClock = manualClock()
  readonly elsewhere: Cache<number> | undefined
  made = 0
  down = false
  cache: Cache<number>
  readonly #open: () => Cache<number>

  constructor({ upper, shared }: Tiers) {
    const below = shared?.(this.clock)
    this.#open = () => {
      const tiers = upper.map((tier) => tier(this.clock))
      if (below !== undefined) tiers.push(borrowed(below))
      const { clock } = this
      return createCache({ clock, tiers, ttl: '60s', staleAfter: '20s', staleIfError: '40s' })
    }
    this.cache = this.#open()
    this.elsewhere = below === undefined ? undefined : this.#open()
  }

  view(space: Space): Namespace<number> {
    let view: Namespace<number> = this.cache
    for (const name of space.split('/')) if (name !== '') view = view.namespace(name)
    return view
  }

  load({ space, name, tags, told }: Key): Promise<number> {
    const options = told ? {} : { tags }
    return this.view(space).getOrLoad(
      name,
      ({ setTags }) => {
        if (told) setTags(tags)
        return this.make()
      },
      options,
    )
  }

  make(): number {
    if (this.down) throw new Error('down')
    this.made += 1
    return this.made
  }

  async restart(): Promise<void> {
    await this.cache.close()
    this.cache = this.#open()
  }

  async close(): Promise<void> {
    await this.cache.close({ timeout: 0 })
    await this.elsewhere?.close({ timeout: 0 })
  }
}

interface Tiers {
  readonly upper: readonly ((clock: ManualClock) => CacheBackend)[]
  readonly shared?: ((clock: ManualClock) => CacheBackend) | undefined
}

type Command = fc.AsyncCommand<Model, Real>

/** A command that does something to both and compares what they say. */
function command(
  name: string,
  model: (model: Model) => unknown,
  real: (real: Real) => Promise<unknown>,
  only: (model: Model) => boolean = () => true,
): Command {
  return {
    check: only,
    async run(m, r) {
      const answer = await real(r)
      await turn()
      expect(answer).toEqual(model(m))
      const { hits, stale, misses, calls, inFlight } = r.cache.stats()
      expect({ hits, stale, misses }).toEqual({ hits: m.hits, stale: m.stale, misses: m.misses })
      expect(calls).toBe(hits + stale + misses)
      expect(inFlight).toBe(0)
      expect(r.made).toBe(m.made)
    },
    toString: () => name,
  }
}

const orFailed = <T>(call: Promise<T>): Promise<T | 'failed'> => call.catch(() => 'failed' as const)
/** What the model has for a change that tells nothing but that it was done. */
const done = (change: Promise<unknown>): Promise<undefined> => change.then(() => undefined)
const unique = (keys: readonly Key[]): Key[] => [...new Set(keys)]
const told = ({ space, name }: Key): string => `${space}/${name}`
const namesOf = (keys: readonly Key[]): string[] => keys.map(({ name }) => name)
const key = fc.constantFrom(...KEYS)
const space = fc.constantFrom(...SPACES)
const tags = fc.constantFrom<Tag[]>(['x'], ['y'], ['x', 'y'])
const value = fc.integer({ min: -9, max: -1 })
/** Keys of one namespace, with duplicates. */
const keys = space.chain((within) => {
  const those = KEYS.filter((one) => one.space === within)
  return fc.record({
    within: fc.constant(within),
    ks: fc.array(fc.constantFrom(...those), { maxLength: 4 }),
  })
})
const keyOf = ({ name }: Key): string => name
const tagsOf = (one: Key): readonly Tag[] => one.tags

const commands: fc.Arbitrary<Command>[] = [
  key.map((k) =>
    command(
      `getOrLoad ${told(k)}`,
      (m) => m.getOrLoad(k),
      (r) => orFailed(r.load(k)),
    ),
  ),
  key.map((k) =>
    command(
      `get ${told(k)}`,
      (m) => m.get(k),
      (r) => r.view(k.space).get(k.name),
    ),
  ),
  key.map((k) =>
    command(
      `has ${told(k)}`,
      (m) => m.has(k),
      (r) => r.view(k.space).has(k.name),
    ),
  ),
  keys.map(({ within, ks }) =>
    command(
      `getMany ${within} ${namesOf(ks).join()}`,
      (m) => {
        const found = new Map(unique(ks).map((k) => [k, m.get(k)]))
        return ks.map((k) => found.get(k))
      },
      (r) => r.view(within).getMany(namesOf(ks)),
    ),
  ),
  keys.map(({ within, ks }) =>
    command(
      `getOrLoadMany ${within} ${namesOf(ks).join()}`,
      (m) => {
        // What is missing is loaded before what is refreshed behind.
        const order = unique(ks).toSorted((x, y) => Number(isUsable(m, x)) - Number(isUsable(m, y)))
        const found = new Map(order.map((k) => [k, m.getOrLoad(k)]))
        return ks.map((k) => found.get(k))
      },
      async (r) => {
        const load = (missing: readonly Key[]): number[] => missing.map(() => r.make())
        const options = { key: keyOf, tags: tagsOf }
        const results = await r.view(within).getOrLoadMany.settled(ks, load, options)
        return results.map((result) => (result.ok ? result.value : 'failed'))
      },
    ),
  ),
  fc.tuple(key, value).map(([k, v]) =>
    command(
      `set ${told(k)} ${v}`,
      (m) => m.set(k, v),
      (r) => done(r.view(k.space).set(k.name, v, { tags: k.tags })),
    ),
  ),
  key.map((k) =>
    command(
      `delete ${told(k)}`,
      (m) => m.delete(k),
      async (r) => (await r.view(k.space).delete(k.name)).deleted,
    ),
  ),
  key.map((k) =>
    command(
      `expire ${told(k)}`,
      (m) => m.expire(k),
      async (r) => (await r.view(k.space).expire(k.name)).expired,
    ),
  ),
  tags.map((ts) =>
    command(
      `invalidateTags ${ts.join()}`,
      (m) => m.invalidate(ts),
      (r) => done(r.cache.invalidateTags(ts)),
    ),
  ),
  space.map((s) =>
    command(
      `clear ${s}/`,
      (m) => m.clear(s),
      (r) => done(r.view(s).clear()),
    ),
  ),
  // Of tags that calls tell: one that only loads tell is asked for when it is read, so what is loaded in between is loaded twice.
  fc.constant(
    command(
      'elsewhere: invalidateTags x',
      (m) => {
        m.invalidate(['x'])
        m.now += FOLLOWED
      },
      async (r) => {
        await r.elsewhere?.invalidateTags('x')
        r.clock.advance(FOLLOWED)
      },
      (m) => m.shared,
    ),
  ),
  fc.constant(
    command(
      'elsewhere: clear',
      (m) => {
        m.clear('')
        m.now += FOLLOWED
      },
      async (r) => {
        await r.elsewhere?.clear()
        r.clock.advance(FOLLOWED)
      },
      (m) => m.shared,
    ),
  ),
  fc.constant(
    command(
      'restart',
      (m) => m.restart(),
      (r) => r.restart(),
      (m) => m.shared,
    ),
  ),
  fc.constantFrom(1, 999, 1_000, 5_000, 19_999, 20_000, 40_000, 60_000).map((ms) =>
    command(
      `advance ${ms}`,
      (m) => {
        m.now += ms
      },
      async (r) => r.clock.advance(ms),
    ),
  ),
  fc.boolean().map((down) =>
    command(
      down ? 'the source fails' : 'the source works',
      (m) => {
        m.down = down
      },
      async (r) => {
        r.down = down
      },
    ),
  ),
]

function isUsable(m: Model, k: Key): boolean {
  const entry = m.find(k)
  if (entry === undefined) return false
  return entry.usableUntil > m.now || m.now < (m.failures.get(k)?.retryAt ?? 0)
}

const TIERS: readonly (readonly [string, Tiers])[] = [
  ['memory', { upper: [memory] }],
  ['memory over a remote tier', { upper: [memory], shared: remote }],
  ['one remote tier', { upper: [], shared: remote }],
  ['two tiers in memory', { upper: [memory, (clock) => memory(clock, 'below')] }],
]

describe('a cache does what a simple model says', () => {
  it.each(TIERS)('over %s', { timeout: 60_000 }, async (_, tiers) => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (run) => {
        const real = new Real(tiers)
        try {
          const model = new Model(tiers.shared !== undefined)
          await fc.asyncModelRun(() => ({ model, real }), run)
        } finally {
          await real.close()
        }
      }),
      { numRuns: 250 },
    )
  })
})
