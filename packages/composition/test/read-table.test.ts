import {
  CacheError,
  type CacheEvent,
  type CacheValue,
  type Context,
  createContext,
  type ItemResult,
} from '@hitbox/core'
import { type Deferred, deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, type ReadPolicy } from '../src/index.ts'
import { turn } from './support/explore.ts'
import {
  type Expected,
  type Outcome,
  OUTCOMES,
  parallelRead,
  raceRead,
  sequentialRead,
} from './support/read-oracle.ts'
import { failure, type ScriptedTier, scriptedTier } from './support/scripted-tier.ts'

const clock = manualClock()
const LIVES: Partial<Record<Outcome, readonly [freshMs: number, ttlMs: number]>> = {
  fresh: [60_000, 60_000],
  'fresh+': [60_001, 60_001],
  forever: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  stale: [-1, 90_000],
  expired: [-2, 0],
}

interface Run {
  readonly policy: ReadPolicy
  readonly tiers: readonly Outcome[]
  /** `at once` for tiers that answer synchronously; else the order in which they answer. */
  readonly arrivals: readonly number[] | 'at once'
  readonly batch: boolean
}

interface Seen {
  readonly answer: Expected['answer']
  readonly data?: unknown
  readonly calls: readonly (readonly string[])[]
  readonly copied: readonly number[]
  readonly errors: number
  readonly losers: boolean
  readonly context: Context
  readonly synchronous: boolean
}

/** Plays one cell: tiers named t0, t1, … whose copies say where they come from. */
async function play({ policy, tiers: outcomes, arrivals, batch }: Run): Promise<Seen> {
  const gates: Deferred<void>[] = outcomes.map(() => deferred())
  const backends = outcomes.map((outcome, tier) =>
    tierThat(outcome, tier, arrivals === 'at once' ? undefined : (gates[tier] as Deferred<void>)),
  )
  const events: CacheEvent[] = []
  const [first, second, ...rest] = backends
  const tiers = compose(first!, second!, ...rest, {
    read: policy,
    clock,
    onEvent: (event) => events.push(event),
  })
  const context = createContext()
  let answer: Expected['answer'] = 'pending'
  let data: unknown
  const settle = (result: ItemResult<CacheValue<unknown> | undefined>): void => {
    if (!result.ok) {
      expect(CacheError.is(result.error, 'BOTH_TIERS_FAILED')).toBe(true)
      if (!CacheError.is(result.error, 'BOTH_TIERS_FAILED')) return
      expect(result.error.details.failures.map(({ source }) => source)).toEqual(
        outcomes.map((_, tier) => `tiers.t${tier}`),
      )
      answer = 'failure'
    } else {
      answer = result.value === undefined ? 'miss' : 'hit'
      data = result.value?.data
    }
  }
  let synchronous = false
  try {
    const got = batch ? tiers.getMany(['k'], { contexts: [context] }) : tiers.get('k', { context })
    synchronous = !(got instanceof Promise)
    void Promise.resolve(got).then(
      (value) =>
        settle(batch ? (value as ItemResult<never>[])[0]! : { ok: true, value: value as never }),
      (error: unknown) => settle({ ok: false, error }),
    )
  } catch (error) {
    synchronous = true
    settle({ ok: false, error })
  }
  const callsOf = (): string[][] => backends.map((tier) => tier.calls.slice())
  const reads = callsOf()
  await turn()
  // One arrival per turn, so that what is decided at the first is not decided with the second.
  for (const tier of arrivals === 'at once' ? [] : arrivals) {
    gates[tier]?.resolve()
    await turn()
  }
  await turn()
  const copied = backends.flatMap((tier, index) =>
    tier.calls.some((call) => call.startsWith(batch ? 'setMany ' : 'set ')) ? [index] : [],
  )
  for (const tier of copied) expect(backends[tier]?.entries.get('k')?.data).toBe(data)
  return {
    answer,
    data,
    calls: policy === 'sequential' ? callsOf() : reads,
    copied,
    errors: events.filter((event) => event.type === 'error' && event.operation === 'read').length,
    losers: events.some((event) => event.type === 'offload' && event.kind === 'race-read-loser'),
    context,
    synchronous,
  }
}

function tierThat(outcome: Outcome, tier: number, gate: Deferred<void> | undefined): ScriptedTier {
  const backend = scriptedTier(`t${tier}`, (call, effect) => {
    if (call.verb !== 'get') return effect()
    if (outcome === 'hang') return new Promise(() => {})
    const answer = (): ReturnType<typeof effect> => {
      if (outcome === 'error') throw failure()
      return effect()
    }
    return gate === undefined ? answer() : gate.promise.then(answer)
  })
  const life = LIVES[outcome]
  if (life !== undefined) {
    const now = clock.now()
    backend.entries.set('k', {
      data: `copy of t${tier}`,
      staleAt: now + life[0],
      expiresAt: now + life[1],
      meta: undefined,
    })
  }
  return backend
}

function compare(seen: Seen, expected: Expected): void {
  expect(seen.answer).toBe(expected.answer)
  if (expected.answer === 'hit') expect(seen.data).toBe(`copy of t${expected.from}`)
  expect(seen.calls.flatMap((calls, tier) => (calls.length > 0 ? [tier] : []))).toEqual(
    expected.asked,
  )
  expect(seen.copied).toEqual(expected.refilled)
  expect(seen.errors).toBe(expected.errors)
  if (expected.answer === 'pending') return
  const { context } = seen
  expect(context.source).toBe(expected.answer === 'hit' ? `tiers.t${expected.from}` : 'upstream')
  expect(context.status).toBe(expected.status ?? 'forward')
  expect(context.refilled).toBe(expected.refilled.length > 0)
  // A race that is over does not wait for further failures.
  expect(context.failures.length).toBeLessThanOrEqual(expected.errors)
}

const words = (tiers: readonly Outcome[]): string => tiers.join(' over ')
const pairs = (outcomes: readonly Outcome[]): [Outcome, Outcome][] =>
  outcomes.flatMap((upper) => outcomes.map((lower): [Outcome, Outcome] => [upper, lower]))
const triples = OUTCOMES.flatMap((first) =>
  pairs(OUTCOMES).map(([second, third]): Outcome[] => [first, second, third]),
)
const forms = [
  { form: 'get', batch: false },
  { form: 'getMany', batch: true },
] as const

describe.each(forms)('$form with the sequential policy', ({ batch }) => {
  it.each([...pairs(OUTCOMES), ...triples].map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name',
    async ({ tiers }) => {
      const arrivals = tiers.map((_, tier) => tier)
      const run = { policy: 'sequential', tiers, arrivals, batch } as const
      compare(await play(run), sequentialRead(tiers))
    },
  )

  it.each(pairs(OUTCOMES).map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name, at once',
    async ({ tiers }) => {
      const expected = sequentialRead(tiers)
      const seen = await play({ policy: 'sequential', tiers, arrivals: 'at once', batch })
      compare(seen, expected)
      expect(seen.synchronous).toBe(expected.answer !== 'pending')
    },
  )
})

describe.each(forms)('$form with the race policy', ({ batch }) => {
  const cells = pairs(OUTCOMES).flatMap((tiers) =>
    (['offload', 'drop'] as const).flatMap((losers) =>
      [
        [0, 1],
        [1, 0],
      ].map((arrivals) => ({ tiers, losers, arrivals, name: words(tiers) })),
    ),
  )
  it.each(cells)('$name, t$arrivals.0 first, losers: $losers', async (cell) => {
    const { tiers, losers, arrivals } = cell
    const expected = raceRead(tiers, arrivals)
    const seen = await play({ policy: { policy: 'race', losers }, tiers, arrivals, batch })
    compare(seen, expected)
    expect(seen.losers).toBe(losers === 'offload' && expected.losers === true)
  })

  it.each(triples.map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name, from the middle outwards',
    async ({ tiers }) => {
      const arrivals = [1, 0, 2]
      compare(await play({ policy: 'race', tiers, arrivals, batch }), raceRead(tiers, arrivals))
    },
  )

  it.each(pairs(OUTCOMES).map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name, at once',
    async ({ tiers }) => {
      // A tier that answers at once has won before the next is asked, which then is no loser either.
      const raced = raceRead(tiers, [0, 1])
      const expected = raced.from === 0 ? { ...raced, asked: [0], errors: 0 } : raced
      const seen = await play({ policy: 'race', tiers, arrivals: 'at once', batch })
      compare(seen, expected)
    },
  )
})

describe.each(forms)('$form with the parallel policy', ({ batch }) => {
  const outcomes: readonly Outcome[] = [...OUTCOMES, 'fresh+', 'forever']
  it.each(pairs(outcomes).map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name',
    async ({ tiers }) => {
      for (const arrivals of [[0, 1], [1, 0], 'at once'] as const) {
        compare(await play({ policy: 'parallel', tiers, arrivals, batch }), parallelRead(tiers))
      }
    },
  )

  it.each(triples.map((tiers) => ({ tiers, name: words(tiers) })))('$name', async ({ tiers }) => {
    compare(
      await play({ policy: 'parallel', tiers, arrivals: [2, 0, 1], batch }),
      parallelRead(tiers),
    )
  })
})

describe('a batch says of a key what a read of the key says', () => {
  const policies = ['sequential', 'race', 'parallel'] as const
  const orders = [[0, 1, 2], [2, 1, 0], [1, 0, 2], 'at once'] as const
  it.each(triples.map((tiers) => ({ tiers, name: words(tiers) })))('$name', async ({ tiers }) => {
    for (const policy of policies) {
      for (const arrivals of orders) {
        const run = { policy, tiers, arrivals }
        const single = await play({ ...run, batch: false })
        const batch = await play({ ...run, batch: true })
        expect(batch.context).toEqual(single.context)
        expect(batch.answer).toBe(single.answer)
      }
    }
  })
})
