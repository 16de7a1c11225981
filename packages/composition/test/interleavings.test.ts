import type { CacheBackend, CacheValue } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { compose, tierGuard, type WritePolicy } from '../src/index.ts'
import { everyOrder, type Scene, turn } from './support/explore.ts'
import { atOnce, type ScriptedTier, scriptedTier } from './support/scripted-tier.ts'
import { Stepped } from './support/stepped.ts'

const clock = manualClock()
const entry = (data: string): CacheValue<string> => ({
  data,
  staleAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
  meta: undefined,
})
const dataOf = (value: unknown): unknown => (value as CacheValue<unknown> | undefined)?.data

interface Act {
  readonly name: string
  run(tiers: CacheBackend): unknown
}

interface Setting {
  readonly write?: WritePolicy
  /** Whether the upper tier answers in steps too. */
  readonly remoteUpper: boolean
  /** Whether the upper tier has a copy at first. */
  readonly warm: boolean
  readonly acts: readonly Act[]
  /** What a read may give once everything is over. */
  readonly end: readonly unknown[]
}

/** `'old'` in the lowest tier; acts begin and tiers answer in any order. */
function sceneOf({ write, remoteUpper, warm, acts, end }: Setting): Scene {
  const steps = { upper: new Stepped('upper'), lower: new Stepped('lower') }
  const upper = scriptedTier('upper', remoteUpper ? steps.upper.script : atOnce)
  const lower = scriptedTier('lower', steps.lower.script)
  lower.entries.set('k', entry('old'))
  if (warm) upper.entries.set('k', entry('old'))
  const guard = tierGuard()
  const tiers = compose(upper, lower, { write, clock, guard })
  const waiting = [...acts]
  const late: unknown[] = []
  let acknowledged = false
  return {
    enabled: () => [
      ...waiting.map((act) => act.name),
      ...steps.upper.enabled,
      ...steps.lower.enabled,
    ],
    happen(name) {
      if (steps.upper.happen(name) || steps.lower.happen(name)) return
      const [act] = waiting.splice(
        waiting.findIndex((other) => other.name === name),
        1,
      )
      if (act === undefined) throw new Error(`nothing called ${name}`)
      const begunLate = acknowledged
      void Promise.resolve(act.run(tiers)).then((answer) => {
        if (!act.name.startsWith('get')) acknowledged = true
        else if (begunLate) late.push(dataOf(answer))
      })
    },
    async check() {
      await expectCoherent({ upper, lower })
      expect(guard.changing).toBe(0)
      if (acts.filter((act) => !act.name.startsWith('get')).length === 1) {
        for (const seen of late) expect(end).toContain(seen)
      }
      upper.script = atOnce
      lower.script = atOnce
      expect(end).toContain(dataOf(await tiers.get('k')))
    },
  }
}

async function expectCoherent({
  upper,
  lower,
}: Record<'upper' | 'lower', ScriptedTier>): Promise<void> {
  await turn()
  const copy = upper.entries.get('k')
  if (copy !== undefined) expect(copy.data).toBe(dataOf(lower.entries.get('k')))
}

const get: Act = { name: 'get', run: (tiers) => tiers.get('k') }
const getMany: Act = {
  name: 'getMany',
  run: async (tiers) => {
    const [result] = await tiers.getMany(['k'])
    return result?.ok === true ? result.value : undefined
  },
}
const remove: Act = { name: 'delete', run: (tiers) => tiers.delete('k') }
const removeMany: Act = { name: 'deleteMany', run: (tiers) => tiers.deleteMany(['k', 'k']) }
const clear: Act = { name: 'clear', run: (tiers) => tiers.clear?.() }
const set = (data: string): Act => ({
  name: `set ${data}`,
  run: (tiers) => tiers.set('k', entry(data)),
})
const setMany = (data: string): Act => ({
  name: `setMany ${data}`,
  run: (tiers) => tiers.setMany([['k', entry(data)]]),
})

const SCENES: readonly (readonly [name: string, Setting])[] = [
  [
    'a get and a delete, over a synchronous upper tier',
    { remoteUpper: false, warm: false, acts: [get, remove], end: [undefined] },
  ],
  [
    'a get and a delete, over a synchronous upper tier with a copy',
    { remoteUpper: false, warm: true, acts: [get, remove], end: [undefined] },
  ],
  [
    'two gets and a delete',
    {
      remoteUpper: false,
      warm: false,
      acts: [get, { ...get, name: 'get again' }, remove],
      end: [undefined],
    },
  ],
  [
    'a get and a delete, over a remote upper tier',
    { remoteUpper: true, warm: false, acts: [get, remove], end: [undefined] },
  ],
  [
    'a getMany and a deleteMany',
    { remoteUpper: false, warm: false, acts: [getMany, removeMany], end: [undefined] },
  ],
  ['a get and a set', { remoteUpper: false, warm: true, acts: [get, set('new')], end: ['new'] }],
  [
    'a getMany and a setMany',
    { remoteUpper: false, warm: false, acts: [getMany, setMany('new')], end: ['new'] },
  ],
  [
    'a get and a set, over a remote upper tier',
    { remoteUpper: true, warm: false, acts: [get, set('new')], end: ['new'] },
  ],
  [
    'a get and a set, upper tier first',
    { write: 'sequential', remoteUpper: false, warm: true, acts: [get, set('new')], end: ['new'] },
  ],
  [
    'two sets, over a synchronous upper tier',
    { remoteUpper: false, warm: true, acts: [set('a'), set('b')], end: ['a', 'b'] },
  ],
  [
    'two sets, over a remote upper tier',
    { remoteUpper: true, warm: true, acts: [set('a'), set('b')], end: ['a', 'b'] },
  ],
  [
    'a set and a delete, over a remote upper tier',
    { remoteUpper: true, warm: true, acts: [set('a'), remove], end: ['a', undefined] },
  ],
  [
    'two sets, upper tier first',
    {
      write: 'sequential',
      remoteUpper: true,
      warm: true,
      acts: [set('a'), set('b')],
      end: ['a', 'b'],
    },
  ],
  [
    'two sets at once in both tiers',
    {
      write: 'optimisticParallel',
      remoteUpper: true,
      warm: true,
      acts: [set('a'), set('b')],
      end: ['a', 'b'],
    },
  ],
  [
    'two sets that race',
    { write: 'race', remoteUpper: true, warm: true, acts: [set('a'), set('b')], end: ['a', 'b'] },
  ],
  [
    'a get and a clear, over a synchronous upper tier',
    { remoteUpper: false, warm: false, acts: [get, clear], end: [undefined] },
  ],
  [
    'two gets and a clear, over a synchronous upper tier with a copy',
    {
      remoteUpper: false,
      warm: true,
      acts: [get, { ...get, name: 'get again' }, clear],
      end: [undefined],
    },
  ],
  [
    'a getMany and a clear',
    { remoteUpper: false, warm: false, acts: [getMany, clear], end: [undefined] },
  ],
  [
    'a get and a clear, over a remote upper tier',
    { remoteUpper: true, warm: false, acts: [get, clear], end: [undefined] },
  ],
  [
    'a set and a clear',
    { remoteUpper: false, warm: true, acts: [set('a'), clear], end: ['a', undefined] },
  ],
  [
    'a set and a clear, over a remote upper tier',
    { remoteUpper: true, warm: true, acts: [set('a'), clear], end: ['a', undefined] },
  ],
  [
    'a setMany, a get and a clear',
    { remoteUpper: false, warm: false, acts: [setMany('a'), get, clear], end: ['a', undefined] },
  ],
  [
    'a set and a clear, upper tier first',
    {
      write: 'sequential',
      remoteUpper: true,
      warm: true,
      acts: [set('a'), clear],
      end: ['a', undefined],
    },
  ],
  [
    'a set at once in both tiers and a clear',
    {
      write: 'optimisticParallel',
      remoteUpper: true,
      warm: true,
      acts: [set('a'), clear],
      end: ['a', undefined],
    },
  ],
  [
    'a delete and a clear',
    { remoteUpper: true, warm: true, acts: [remove, clear], end: [undefined] },
  ],
  [
    'two sets and a get',
    { remoteUpper: false, warm: false, acts: [set('a'), set('b'), get], end: ['a', 'b'] },
  ],
]

describe('compose', () => {
  it('shows no value, upper tier first, that a delete acknowledged meanwhile has removed', async () => {
    const steps = new Stepped('lower')
    const upper = scriptedTier('upper')
    const lower = scriptedTier('lower', steps.script)
    const tiers = compose(upper, lower, { write: 'sequential', clock })
    const removed = Promise.resolve(tiers.delete('k'))
    const written = Promise.resolve(tiers.set('k', entry('new')))
    expect(steps.happen('lower set 2 takes effect')).toBe(true)
    expect(steps.happen('lower delete 1 takes effect')).toBe(true)
    expect(steps.happen('lower delete 1 answers')).toBe(true)
    await removed
    const read = Promise.resolve(tiers.get('k'))
    expect(steps.happen('lower get 3 takes effect')).toBe(true)
    expect(steps.happen('lower get 3 answers')).toBe(true)
    expect(await read).toBeUndefined()
    expect(steps.happen('lower set 2 answers')).toBe(true)
    await written
    expect(upper.entries.size).toBe(0)
  })
  it('makes no copy of what was on its way into a tier between when everything was dropped', async () => {
    const steps = new Stepped('middle')
    const upper = scriptedTier('upper')
    const middle = scriptedTier('middle', steps.script)
    const lower = scriptedTier('lower')
    const guard = tierGuard()
    const tiers = compose(upper, middle, lower, { clock, guard })
    const written = Promise.resolve(tiers.set('k', entry('old')))
    tiers.clear?.()
    expect(steps.happen('middle set 1 takes effect')).toBe(true)
    expect(steps.happen('middle set 1 answers')).toBe(true)
    await written
    const read = Promise.resolve(tiers.get('k'))
    expect(steps.happen('middle get 3 takes effect')).toBe(true)
    expect(steps.happen('middle get 3 answers')).toBe(true)
    await read
    expect(steps.happen('middle delete 2 takes effect')).toBe(true)
    expect(steps.happen('middle delete 2 answers')).toBe(true)
    await turn()
    expect([upper.entries.size, middle.entries.size, lower.entries.size]).toEqual([0, 0, 0])
    expect(guard.changing).toBe(0)
  })
})

describe('compose, in every order of what its tiers do', () => {
  it.each(SCENES)('keeps the tiers in line: %s', { timeout: 60_000 }, async (_, setting) => {
    expect(await everyOrder(() => sceneOf(setting))).toBeGreaterThan(3)
  })
})
