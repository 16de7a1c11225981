import type { CacheBackend, CacheValue } from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { manualClock } from '@hitbox/testing'
import assert from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { compose, type ReadPolicy, tierGuard, type WritePolicy } from '../src/index.ts'
import { coherentTier } from './support/coherent-tier.ts'
import { everyOrder, type Scene } from './support/explore.ts'
import { type Script, soon } from './support/scripted-tier.ts'
import { Stepped } from './support/stepped.ts'

/*
 * One process with a memory over a tier that another process changes too. What the other one does is told at any later moment; a
 * barrier is answered when all that was done before it began has been told. Each step has a moment of its own.
 */

const entry = (data: string): CacheValue<string> => ({
  data,
  staleAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
  meta: undefined,
})
const dataOf = (value: unknown): unknown => (value as CacheValue<unknown> | undefined)?.data

interface Act {
  readonly name: string
  /** Whether an answer is an acknowledgement of a change, and not what a read saw. */
  readonly changes?: boolean
  run(tiers: CacheBackend): unknown
}

interface Setting {
  readonly read?: ReadPolicy
  readonly write?: WritePolicy
  /** Whether there is a copy in memory at first. */
  readonly warm: boolean
  readonly acts: readonly Act[]
  /** Whether they begin in their order. @defaultValue in any */
  readonly inTurn?: boolean
  /** What the other process puts there, one after the other. */
  readonly elsewhere: readonly (string | undefined)[]
  /** How it is told. @defaultValue each by itself */
  readonly told?: 'all'
}

class World implements Scene {
  readonly #clock = manualClock()
  readonly #steps = new Stepped('shared')
  readonly #guard = tierGuard()
  readonly #memory = memoryBackend({ maxEntries: 10, clock: this.#clock })
  readonly #shared = coherentTier('shared', this.#clock)
  readonly #tiers: CacheBackend
  /** What the shared tier went through. */
  readonly #history: unknown[] = ['old']
  /** The place in the history that an answer of now must not be older than, by what was acknowledged here. */
  #own = 0
  /** The same by what was acknowledged to the other process. */
  #theirs = 0
  #untold = 0
  #toldOf = 0
  #directly = false
  readonly #waiting: Act[]
  readonly #elsewhere: (string | undefined)[]
  readonly #setting: Setting
  #barrier: 'to come' | 'asked' | 'answered' = 'to come'
  #asked = { at: 0, theirs: 0, changes: 0 }
  readonly #seen: { readonly what: string; readonly floor: number; readonly data: unknown }[] = []

  constructor(setting: Setting) {
    this.#setting = setting
    this.#waiting = [...setting.acts]
    this.#elsewhere = [...setting.elsewhere]
    const { entries, coherence } = this.#shared
    const value = entry('old')
    entries.set('k', value)
    this.#record(entries)
    coherence.maxStaleMs = Number.POSITIVE_INFINITY
    if (setting.warm) this.#memory.set('k', value)
    const { read, write } = setting
    const clock = this.#clock
    const guard = this.#guard
    this.#tiers = compose(this.#memory, this.#shared, { clock, guard, read, write })
    this.#shared.script = this.#script
  }

  enabled(): readonly string[] {
    const steps = this.#steps.enabled
    const waiting = this.#setting.inTurn === true ? this.#waiting.slice(0, 1) : this.#waiting
    const names = [...waiting.map((act) => act.name), ...steps]
    if (this.#elsewhere.length > 0) names.push('elsewhere')
    // One that began earlier would demand less.
    else if (this.#barrier === 'to come') names.push('barrier')
    if (this.#untold > 0) {
      names.push('told')
      const answers = steps.filter((name) => name.endsWith('answers'))
      names.push(...answers.map((name) => `${name}, and told before anybody goes on`))
    }
    if (this.#barrier === 'asked' && this.#toldOf >= this.#asked.changes) names.push('barrier over')
    return names
  }

  happen(name: string): void {
    this.#clock.advance(1)
    const [answer, together] = name.split(', and ')
    if (this.#steps.happen(answer as string)) {
      if (together !== undefined) this.#tell()
      return
    }
    if (name === 'elsewhere') return this.#change()
    if (name === 'told') return this.#tell()
    if (name === 'barrier') {
      const at = this.#clock.now()
      this.#asked = { at, theirs: this.#theirs, changes: this.#toldOf + this.#untold }
      this.#barrier = 'asked'
    } else if (name === 'barrier over') this.#demand()
    else this.#begin(name)
  }

  async check(): Promise<void> {
    this.#shared.script = soon
    const lowest = dataOf(this.#shared.entries.get('k'))
    const copy = this.#memory.peek('k')
    if (copy !== undefined) assert.equal(copy.data, lowest, 'the copy that is left')
    assert.equal(dataOf(await this.#tiers.get('k')), lowest)
    assert.equal(this.#guard.changing, 0)
    for (const { what, floor, data } of this.#seen) {
      const allowed = this.#history.slice(floor)
      assert.ok(
        allowed.includes(data),
        `${what} gave ${String(data)}, not one of ${allowed.join()}`,
      )
    }
    assert.ok(this.#seen.length > 0)
    await this.#tiers.close()
  }

  readonly #script: Script = (call, effect) =>
    this.#directly ? soon(call, effect) : this.#steps.script(call, effect)

  #change(): void {
    this.#shared.elsewhere('k', asEntry(this.#elsewhere.shift()))
    this.#theirs = this.#history.length - 1
    this.#untold += 1
  }

  #tell(): void {
    const all = this.#setting.told === 'all'
    const count = all ? this.#untold : 1
    this.#untold -= count
    this.#toldOf += count
    if (all) this.#shared.coherence.changedAll()
    else this.#shared.coherence.changed('k')
  }

  /** The barrier is over, and reads begin that demand what was acknowledged before it. */
  #demand(): void {
    this.#barrier = 'answered'
    const { at, theirs } = this.#asked
    const { coherence } = this.#shared
    coherence.fence = Math.max(coherence.fence, at)
    const floor = Math.max(theirs, this.#own)
    const demand = { since: at }
    const peeked = this.#tiers.peek?.('k', demand)
    if (peeked !== undefined) this.#seen.push({ what: 'peek', floor, data: peeked.data })
    this.#directly = true
    const asked = this.#tiers.get('k', demand)
    const many = this.#tiers.getMany(['k'], demand)
    this.#directly = false
    void Promise.all([asked, many]).then(([value, [result]]) => {
      this.#seen.push({ what: 'get', floor, data: dataOf(value) })
      const item = result?.ok === true ? dataOf(result.value) : 'failed'
      this.#seen.push({ what: 'getMany', floor, data: item })
    })
  }

  #begin(name: string): void {
    const index = this.#waiting.findIndex((act) => act.name === name)
    const [act] = this.#waiting.splice(index, 1)
    if (act === undefined) throw new Error(`nothing called ${name}`)
    const floor = this.#own
    const length = this.#history.length
    void Promise.resolve(act.run(this.#tiers)).then((answer) => {
      if (act.changes !== true) this.#seen.push({ what: name, floor, data: dataOf(answer) })
      // It took effect somewhere after it began: the earliest place is all that is certain.
      else if (answer !== 'refused') this.#own = Math.max(this.#own, length)
    })
  }

  #record(entries: Map<string, CacheValue<unknown>>): void {
    const set = entries.set.bind(entries)
    const remove = entries.delete.bind(entries)
    entries.set = (key, value) => {
      this.#history.push(value.data)
      return set(key, value)
    }
    entries.delete = (key) => {
      this.#history.push(undefined)
      return remove(key)
    }
  }
}

const asEntry = (data: string | undefined): CacheValue<string> | undefined =>
  data === undefined ? undefined : entry(data)

const get: Act = { name: 'get', run: (tiers) => tiers.get('k') }
const getMany: Act = {
  name: 'getMany',
  run: async (tiers) => {
    const [result] = await tiers.getMany(['k'])
    return result?.ok === true ? result.value : undefined
  },
}
const set: Act = { name: 'set', changes: true, run: (tiers) => tiers.set('k', entry('mine')) }
const setMany: Act = {
  name: 'setMany',
  changes: true,
  run: (tiers) => tiers.setMany([['k', entry('mine')]]),
}
const remove: Act = { name: 'delete', changes: true, run: (tiers) => tiers.delete('k') }
const make: Act = {
  name: 'make',
  changes: true,
  run: async (tiers) => {
    const taken = await tiers.leases!.take('k', { over: 'anything' })
    if (taken.is !== 'granted') return 'refused'
    return (await tiers.leases!.fill(taken.lease, entry('made'))) ?? 'refused'
  },
}
const look: Act = {
  name: 'look',
  run: async (tiers) => {
    const taken = await tiers.leases!.take('k')
    return taken.is === 'found' ? taken.value : undefined
  },
}

const SCENES: readonly (readonly [string, Setting])[] = [
  ['a get', { warm: false, acts: [get], elsewhere: ['new'] }],
  [
    'two gets',
    { warm: false, acts: [get, { ...get, name: 'again' }], inTurn: true, elsewhere: ['new'] },
  ],
  ['a get beside a copy', { warm: true, acts: [get], elsewhere: ['new', 'newer'] }],
  ['a get and two changes', { warm: false, acts: [get], elsewhere: ['new', undefined] }],
  [
    'a get, told of everything',
    { warm: false, acts: [get], elsewhere: ['new', 'newer'], told: 'all' },
  ],
  ['a get that races', { read: 'race', warm: false, acts: [get], elsewhere: ['new'] }],
  ['a get of both', { read: 'parallel', warm: true, acts: [get], elsewhere: ['new'] }],
  ['a getMany', { warm: false, acts: [getMany], elsewhere: [undefined] }],
  ['a set', { warm: true, acts: [set], elsewhere: ['new'] }],
  ['a set, told of everything', { warm: true, acts: [set], elsewhere: ['new'], told: 'all' }],
  ['a get and a set', { warm: false, acts: [get, set], inTurn: true, elsewhere: ['new'] }],
  ['a setMany', { warm: false, acts: [setMany], elsewhere: ['new', undefined] }],
  ['a set, upper tier first', { write: 'sequential', warm: true, acts: [set], elsewhere: ['new'] }],
  ['a delete', { warm: true, acts: [remove], elsewhere: ['new'] }],
  [
    'a getMany and a delete',
    { warm: false, acts: [getMany, remove], inTurn: true, elsewhere: ['new'] },
  ],
  ['a look for a lease', { warm: false, acts: [look], elsewhere: ['new', 'newer'] }],
  ['a fill', { warm: false, acts: [make], elsewhere: ['new'] }],
  ['a fill, told of everything', { warm: false, acts: [make], elsewhere: ['new'], told: 'all' }],
  ['a fill and a delete', { warm: true, acts: [make, remove], elsewhere: [] }],
  ['a fill and a get', { warm: false, acts: [make, get], elsewhere: [] }],
]

describe('compose, in every order of what it does and what is done elsewhere', () => {
  it.each(SCENES)(
    'shows nothing older than a barrier demands, and keeps the tiers in line: %s',
    { timeout: 120_000 },
    async (_, setting) => {
      expect(await everyOrder(() => new World(setting))).toBeGreaterThan(20)
    },
  )
})
