import { type CacheBackend, type CacheValue, createContext, type ItemResult } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { compose, type ReadPolicy, tierGuard } from '../src/index.ts'
import { atOnce, type Call, failure, type Script, scriptedTier } from './support/scripted-tier.ts'

/*
 * Random operations over scripted tiers whose calls take effect and answer in a random order, and fail before or after
 * they took effect. The lowest tier is the truth: what it went through, in order, is the history that reads are held to.
 */

const NEVER = Number.POSITIVE_INFINITY
/** Raise it, with the environment, for a longer look. */
const RUNS = Number(process.env['HITBOX_RUNS'] ?? 1_500)
const KEYS = ['a', 'b'] as const
const clock = manualClock()

type Key = (typeof KEYS)[number]
type Command =
  | { readonly verb: 'get' | 'set' | 'delete'; readonly key: Key }
  | { readonly verb: 'getMany' | 'setMany' | 'deleteMany' | 'clear' }

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('get'), key: fc.constantFrom(...KEYS) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constantFrom('set', 'delete'),
      key: fc.constantFrom(...KEYS),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ verb: fc.constantFrom('getMany', 'setMany', 'deleteMany', 'clear') }),
  },
) as fc.Arbitrary<Command>

interface Plan {
  readonly uppers: readonly ('at once' | 'scheduled')[]
  readonly write: 'through' | 'sequential'
  readonly read: ReadPolicy
  /** Each runs its commands one after the other. */
  readonly clients: readonly (readonly Command[])[]
  /** Drawn from in the order of the calls to the lowest tier: what becomes of each. */
  readonly lowerFaults: readonly ('none' | 'before' | 'after')[]
  readonly upperFaults: readonly ('none' | 'before' | 'after')[]
}

const planWith = (faults: fc.Arbitrary<'none' | 'before' | 'after'>): fc.Arbitrary<Plan> =>
  fc.record({
    uppers: fc.array(fc.constantFrom('at once', 'scheduled'), { minLength: 1, maxLength: 2 }),
    write: fc.constantFrom('through', 'sequential'),
    read: fc.constantFrom('sequential', 'race', 'parallel'),
    clients: fc.array(fc.array(command, { minLength: 1, maxLength: 5 }), {
      minLength: 2,
      maxLength: 3,
    }),
    lowerFaults: fc.array(faults, { minLength: 5, maxLength: 20 }),
    upperFaults: fc.array(fc.constant('none' as const), { minLength: 1, maxLength: 1 }),
  })

/** What the lowest tier went through for one key; starts with nothing. */
type History = unknown[]

class World {
  readonly guard = tierGuard()
  readonly histories: Record<Key, History> = { a: [undefined], b: [undefined] }
  /** By key: the place in its history before which no read may see it any more. */
  readonly floors: Record<Key, number> = { a: 0, b: 0 }
  readonly reads: { readonly key: Key; readonly floor: number; readonly seen: unknown }[] = []
  readonly tiers: CacheBackend
  readonly all: ReturnType<typeof scriptedTier>[]
  readonly #remoteUppers: boolean
  #next = 0

  constructor(plan: Plan, scheduler: fc.Scheduler) {
    this.#remoteUppers = plan.uppers.includes('scheduled')
    const lower = scriptedTier('lower', scheduled(scheduler, 'lower', faultsOf(plan.lowerFaults)))
    const uppers = plan.uppers.map((kind, index) => {
      const label = `upper${index}`
      const script =
        kind === 'at once' ? atOnce : scheduled(scheduler, label, faultsOf(plan.upperFaults))
      return scriptedTier(label, script)
    })
    this.all = [...uppers, lower]
    this.#follow(lower.entries)
    const [first, second, ...rest] = this.all
    this.tiers = compose(first!, second!, ...rest, {
      clock,
      write: plan.write,
      read: plan.read,
      guard: this.guard,
    })
  }

  async run(order: Command): Promise<void> {
    const { verb } = order
    const keys: readonly Key[] = 'key' in order ? [order.key] : KEYS
    const floors = { ...this.floors }
    const lengths = { a: this.histories.a.length, b: this.histories.b.length }
    try {
      if (verb === 'clear') {
        this.tiers.clear?.()
        // Into a tier that takes its time a copy may be on its way, and is taken away only when it has arrived.
        if (this.#remoteUppers) return
        for (const key of KEYS) this.floors[key] = this.histories[key].length - 1
        return
      }
      if (verb === 'get' || verb === 'getMany') {
        const contexts = keys.map(() => createContext())
        const results =
          verb === 'get'
            ? [await settle(this.tiers.get(keys[0]!, { context: contexts[0] }))]
            : await this.tiers.getMany(keys, { contexts })
        keys.forEach((key, index) => {
          const result = results[index] as ItemResult<CacheValue<unknown> | undefined>
          if (!result.ok) return
          // A miss because a tier failed says nothing about the key.
          if (result.value === undefined && contexts[index]!.failures.length > 0) return
          this.reads.push({ key, floor: floors[key], seen: result.value?.data })
        })
        return
      }
      const marks = keys.map(() => (this.#next += 1))
      const values = marks.map((mark) => value(mark))
      let results: ItemResult<unknown>[]
      if (verb === 'set') results = [await settle(this.tiers.set(keys[0]!, values[0]!))]
      else if (verb === 'delete') results = [await settle(this.tiers.delete(keys[0]!))]
      else if (verb === 'setMany')
        results = await this.tiers.setMany(keys.map((key, index) => [key, values[index]!]))
      else results = await this.tiers.deleteMany(keys)
      keys.forEach((key, index) => {
        if (results[index]?.ok !== true) return
        const history = this.histories[key]
        // A set is where its value came in; a delete, at the earliest, where one came in after it began.
        const place = verb.startsWith('set')
          ? history.lastIndexOf(marks[index])
          : history.indexOf(undefined, lengths[key])
        this.floors[key] = Math.max(this.floors[key], place)
      })
    } catch {
      // A read that failed in every tier promised nothing.
    }
  }

  check(): void {
    this.checkReads()
    const lower = this.all.at(-1)!
    for (const upper of this.all.slice(0, -1)) {
      for (const [key, copy] of upper.entries) {
        assert.equal(copy.data, lower.entries.get(key)?.data, `copy of ${key} in ${upper.label}`)
      }
    }
    assert.equal(this.guard.changing, 0)
  }

  checkReads(): void {
    for (const { key, floor, seen } of this.reads) {
      const allowed = this.histories[key].slice(floor)
      assert.ok(
        allowed.includes(seen),
        `a read of ${key} gave ${String(seen)}, not one of ${allowed.join()}`,
      )
    }
  }

  /** Writes down what the lowest tier goes through. */
  #follow(entries: Map<string, CacheValue<unknown>>): void {
    const set = entries.set.bind(entries)
    const remove = entries.delete.bind(entries)
    entries.set = (key, entry) => {
      this.histories[key as Key].push(entry.data)
      return set(key, entry)
    }
    entries.delete = (key) => {
      this.histories[key as Key].push(undefined)
      return remove(key)
    }
    entries.clear = () => {
      for (const key of KEYS) entries.delete(key)
    }
  }
}

const value = (data: number): CacheValue<number> => ({
  data,
  staleAt: NEVER,
  expiresAt: NEVER,
  meta: undefined,
})

async function settle<T>(answer: T | Promise<T>): Promise<ItemResult<T>> {
  try {
    return { ok: true, value: await answer }
  } catch (error) {
    return { ok: false, error }
  }
}

type Fault = 'none' | 'before' | 'after'

function faultsOf(plan: readonly Fault[]): () => Fault {
  let next = 0
  return () => {
    const fault = plan[next % plan.length] ?? 'none'
    next += 1
    return fault
  }
}

function scheduled(scheduler: fc.Scheduler, label: string, fault: () => Fault): Script {
  return async <R>(call: Call, effect: () => R): Promise<R> => {
    const name = `${label} ${call.verb} ${call.key}`
    const kind = fault()
    await scheduler.schedule(Promise.resolve(), `${name} takes effect`)
    if (kind === 'before') throw failure()
    const result = effect()
    await scheduler.schedule(Promise.resolve(), `${name} answers`)
    if (kind === 'after') throw failure()
    return result
  }
}

async function play(plan: Plan, scheduler: fc.Scheduler): Promise<World> {
  const world = new World(plan, scheduler)
  const runs = plan.clients.map(async (commands, client) => {
    for (const order of commands) {
      await scheduler.schedule(Promise.resolve(), `client ${client}: ${JSON.stringify(order)}`)
      await world.run(order)
    }
  })
  await scheduler.waitIdle()
  await Promise.all(runs)
  await scheduler.waitIdle()
  return world
}

describe('compose, under random operations in a random order', () => {
  it('keeps the tiers in line, and shows nothing older than what was acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(planWith(fc.constant('none')), fc.scheduler(), async (plan, scheduler) => {
        const world = await play(plan, scheduler)
        world.check()
      }),
      { numRuns: RUNS },
    )
  }, 600_000)

  it('does so too when the lowest tier fails, before or after it did what was asked', async () => {
    const faults = fc.constantFrom('none', 'none', 'before', 'after') as fc.Arbitrary<Fault>
    await fc.assert(
      fc.asyncProperty(planWith(faults), fc.scheduler(), async (plan, scheduler) => {
        // Upper tier first, a value is seen before the lowest tier has it, and taken back when that fails.
        const world = await play({ ...plan, write: 'through' }, scheduler)
        world.check()
      }),
      { numRuns: RUNS },
    )
  }, 600_000)

  it('shows nothing older than what was acknowledged when upper tiers fail', async () => {
    const faults = fc.constantFrom('none', 'before', 'after') as fc.Arbitrary<Fault>
    await fc.assert(
      fc.asyncProperty(
        planWith(fc.constant('none')),
        fc.array(faults, { minLength: 5, maxLength: 20 }),
        fc.scheduler(),
        async (plan, upperFaults, scheduler) => {
          const world = await play(
            { ...plan, uppers: ['scheduled'], upperFaults, write: 'through' },
            scheduler,
          )
          world.checkReads()
        },
      ),
      { numRuns: RUNS },
    )
  }, 600_000)
})
