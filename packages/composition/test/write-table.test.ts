import {
  CacheError,
  type CacheEvent,
  type CacheValue,
  type DeleteStatus,
  type ItemResult,
} from '@hitbox/core'
import { deferred, type Deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, tierGuard } from '../src/index.ts'
import { turn } from './support/explore.ts'
import { failure, type ScriptedTier, scriptedTier } from './support/scripted-tier.ts'
import {
  type Expected,
  type Outcome,
  OUTCOMES,
  type Policy,
  type Removal,
  REMOVALS,
  remove,
  write,
} from './support/write-oracle.ts'

const clock = manualClock()
const value = (data: string): CacheValue<string> => ({
  data,
  staleAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
})

interface Run {
  readonly policy: Policy
  readonly losers?: 'offload' | 'drop'
  readonly tiers: readonly Outcome[]
  readonly arrivals: readonly number[] | 'at once'
  readonly dropFails: boolean
  readonly batch: boolean
}

async function play({
  policy,
  losers,
  tiers: outcomes,
  arrivals,
  dropFails,
  batch,
}: Run): Promise<Expected & { readonly changing: number }> {
  const gates: Deferred<void>[] = outcomes.map(() => deferred())
  const backends = outcomes.map((outcome, tier) =>
    tierThat(outcome, tier, dropFails, arrivals === 'at once' ? undefined : gates[tier]),
  )
  const events: CacheEvent[] = []
  const guard = tierGuard()
  const [first, second, ...rest] = backends
  const tiers = compose(first!, second!, ...rest, {
    write: losers === undefined ? policy : { policy: 'race', losers },
    clock,
    guard,
    onEvent: (event) => events.push(event),
  })
  const outcome = watch(async (): Promise<ItemResult<unknown>> =>
    batch
      ? ((await tiers.setMany([['k', value('new')]]))[0] as ItemResult<unknown>)
      : { ok: true, value: await tiers.set('k', value('new')) },
  )
  await turn()
  for (const tier of arrivals === 'at once' ? [] : arrivals) {
    gates[tier]?.resolve()
    await turn()
  }
  await turn()
  const { answer, by } = verdict(outcome.result, outcomes.length)
  return {
    answer,
    ...(by === undefined ? {} : { by }),
    held: backends.map((tier) => tier.entries.get('k')?.data as 'old' | 'new' | undefined),
    losers: events.some((event) => event.type === 'offload' && event.kind === 'race-write-loser'),
    changing: guard.changing,
  }
}

function tierThat(
  outcome: Outcome,
  tier: number,
  dropFails: boolean,
  gate: Deferred<void> | undefined,
): ScriptedTier {
  const backend = scriptedTier(`t${tier}`, (call, effect) => {
    if (call.verb === 'delete') {
      if (dropFails) throw failure(`t${tier}`)
      return effect()
    }
    if (outcome === 'hang') return new Promise(() => {})
    const answer = (): ReturnType<typeof effect> => {
      if (outcome === 'error') throw failure(`t${tier}`)
      const result = effect()
      if (outcome === 'lost') throw failure(`t${tier}`)
      return result
    }
    return gate === undefined ? answer() : gate.promise.then(answer)
  })
  backend.entries.set('k', value('old'))
  return backend
}

function watch(run: () => Promise<ItemResult<unknown>>): { result?: ItemResult<unknown> } {
  const outcome: { result?: ItemResult<unknown> } = {}
  run().then(
    (result) => {
      outcome.result = result
    },
    (error: unknown) => {
      outcome.result = { ok: false, error }
    },
  )
  return outcome
}

function verdict(
  result: ItemResult<unknown> | undefined,
  count: number,
): Pick<Expected, 'answer' | 'by'> {
  if (result === undefined) return { answer: 'pending' }
  if (result.ok) return { answer: 'done' }
  const { error } = result
  if (CacheError.is(error, 'BOTH_TIERS_FAILED')) {
    expect(error.details.failures.map(({ source }) => source)).toEqual(
      Array.from({ length: count }, (_, tier) => `tiers.t${tier}`),
    )
    return { answer: 'all failed' }
  }
  if (!CacheError.is(error, 'BACKEND_FAILED')) throw error
  return { answer: 'failure', by: Number(error.details.source.slice(1)) }
}

const words = (tiers: readonly string[]): string => tiers.join(' over ')
const pairsOf = <T>(outcomes: readonly T[]): [T, T][] =>
  outcomes.flatMap((upper) => outcomes.map((lower): [T, T] => [upper, lower]))
const triples = OUTCOMES.flatMap((first) =>
  pairsOf(OUTCOMES).map(([second, third]): Outcome[] => [first, second, third]),
)
const forms = [
  { form: 'set', batch: false },
  { form: 'setMany', batch: true },
] as const
const POLICIES = ['through', 'sequential', 'optimisticParallel'] as const
const DROPS = [
  { dropFails: false, drops: 'drops work' },
  { dropFails: true, drops: 'drops fail' },
]

describe.each(
  forms.flatMap(({ form, batch }) => POLICIES.map((policy) => ({ form, batch, policy }))),
)('$form with the $policy policy', ({ batch, policy }) => {
  const cells = [...pairsOf(OUTCOMES), ...triples].flatMap((tiers) =>
    DROPS.map(({ dropFails, drops }) => ({ tiers, name: words(tiers), dropFails, drops })),
  )
  it.each(cells)('$name, $drops', async ({ tiers, dropFails }) => {
    const orders: (readonly number[] | 'at once')[] = [
      tiers.map((_, tier) => tier),
      tiers.map((_, tier) => tiers.length - 1 - tier),
      'at once',
    ]
    for (const arrivals of orders) {
      const expected = write(policy, tiers, { arrivals: [], dropFails })
      const { changing, ...seen } = await play({ policy, tiers, arrivals, dropFails, batch })
      expect(seen).toEqual({ losers: false, ...expected })
      expect(changing).toBe(expected.answer === 'pending' ? 1 : 0)
    }
  })
})

describe.each(forms)('$form with the race policy', ({ batch }) => {
  const cells = pairsOf(OUTCOMES).flatMap((tiers) =>
    DROPS.flatMap(({ dropFails, drops }) =>
      (['offload', 'drop'] as const).flatMap((losers) =>
        [
          [0, 1],
          [1, 0],
        ].map((arrivals) => ({ tiers, losers, arrivals, name: words(tiers), dropFails, drops })),
      ),
    ),
  )
  it.each(cells)('$name, t$arrivals.0 first, losers: $losers, $drops', async (cell) => {
    const { tiers, losers, arrivals, dropFails } = cell
    const expected = write('race', tiers, { arrivals, dropFails })
    const { changing, ...seen } = await play({ ...cell, policy: 'race', batch })
    expect(seen).toEqual({ ...expected, losers: losers === 'offload' && expected.losers === true })
    // The key counts as changing until the last tier has answered, whoever won.
    expect(changing).toBe(tiers.includes('hang') ? 1 : 0)
  })

  it.each(triples.map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name, from the middle outwards',
    async ({ tiers }) => {
      const arrivals = [1, 0, 2]
      const expected = write('race', tiers, { arrivals, dropFails: false })
      const run = { policy: 'race', tiers, arrivals, dropFails: false, batch } as const
      const { changing, ...seen } = await play(run)
      expect(seen).toEqual({ losers: false, ...expected })
      expect(changing).toBe(tiers.includes('hang') ? 1 : 0)
    },
  )

  it.each(pairsOf(OUTCOMES).map((tiers) => ({ tiers, name: words(tiers) })))(
    '$name, at once',
    async ({ tiers }) => {
      const { losers: _, ...expected } = write('race', tiers, {
        arrivals: [0, 1],
        dropFails: false,
      })
      const run = { policy: 'race', tiers, arrivals: 'at once', dropFails: false, batch } as const
      const { changing, losers, ...seen } = await play(run)
      expect(seen).toEqual(expected)
      expect(losers).toBe(expected.answer === 'done' && tiers.includes('hang'))
      expect(changing).toBe(tiers.includes('hang') ? 1 : 0)
    },
  )
})

describe.each([
  { form: 'delete', batch: false },
  { form: 'deleteMany', batch: true },
])('$form', ({ batch }) => {
  const removals = [
    ...pairsOf(REMOVALS),
    ...REMOVALS.flatMap((first) =>
      pairsOf(REMOVALS).map(([second, third]): Removal[] => [first, second, third]),
    ),
  ]
  const cells = removals.flatMap((tiers) =>
    (['reject', 'tolerate'] as const).map((onDeleteError) => ({
      tiers,
      onDeleteError,
      name: words(tiers),
    })),
  )
  it.each(cells)('$name, on error: $onDeleteError', async ({ tiers: outcomes, onDeleteError }) => {
    const backends = outcomes.map((outcome, tier) => {
      const backend = scriptedTier(`t${tier}`, async (_, effect) => {
        if (outcome === 'error') throw failure(`t${tier}`)
        return outcome === 'hang' ? new Promise(() => {}) : effect()
      })
      if (outcome !== 'missing') backend.entries.set('k', value('old'))
      return backend
    })
    const [first, second, ...rest] = backends
    const tiers = compose(first!, second!, ...rest, { clock, onDeleteError })
    const outcome = watch(async (): Promise<ItemResult<unknown>> =>
      batch
        ? ((await tiers.deleteMany(['k']))[0] as ItemResult<DeleteStatus>)
        : { ok: true, value: await tiers.delete('k') },
    )
    // Every tier is asked at once: none waits for another.
    expect(backends.map((tier) => tier.calls.length)).toEqual(outcomes.map(() => 1))
    await turn()
    await turn()
    const expected = remove(outcomes, onDeleteError)
    const { answer, by } = verdict(outcome.result, outcomes.length)
    if (typeof expected === 'number') {
      expect(answer).toBe('done')
      expect(outcome.result).toEqual({
        ok: true,
        value: { status: expected === 0 ? 'missing' : 'deleted', count: expected },
      })
    } else {
      expect(answer).toBe(expected)
      if (expected === 'failure') expect(by).toBe(outcomes.lastIndexOf('error'))
    }
  })
})
