import { AsyncLocalStorage } from 'node:async_hooks'
import { CacheError, type DurationInput, keyText } from '@hitbox/core'
import { type Deferred, deferred, type ManualClock, manualClock } from '@hitbox/testing'
import { expect } from 'vitest'
import type {
  Cache,
  CacheOptions,
  CallContext,
  CallOptions,
  HitboxEvent,
  LoadContext,
  RequestEvent,
  WriteOptions,
} from '../../src/index.ts'
import { failure, scriptedTier, type ScriptedTier, soon, type Verb } from './scripted-tier.ts'
import { memory, open, turn } from './setup.ts'

/** One scenario: what happens, and all that can be seen of it. */
export interface Scenario {
  readonly name: string
  readonly options?: CacheOptions
  readonly steps: readonly Step[]
  /** One per call, in the order in which they were made. */
  readonly answers: readonly AnswerRow[]
  /** The load events, in their order; as many loads began as `started` is among them. */
  readonly loads: readonly string[]
  /** Loaded values that the tiers took. */
  readonly stores: number
  /** Where each answer came from, in scenarios that are about that. */
  readonly sources?: readonly string[]
  /** What reached the store, in scenarios that are about that. */
  readonly store?: readonly string[]
}

/** Something that happens in a scenario. When it has, everything that is due runs before the next. */
export type Step = (scene: Scene) => unknown

/** How a call counts, the value or what it failed with, and the states it went through. */
export type AnswerRow = readonly [outcome: string, value: unknown, trace: string]

/** The tiers of a scenario. What is promised must not depend on them. */
export type TierChoice = 'memory' | 'memory over a store' | 'a store'

type CallEvent = Extract<RequestEvent, { type: 'call' }>

interface Call {
  readonly controller: AbortController
  /** What the promise gave, once it has. */
  result: { readonly value: unknown; readonly context?: CallContext | undefined } | undefined
  event: CallEvent | undefined
}

type Load = Deferred<unknown> & { readonly context: LoadContext; over: boolean }

/** The key of a scenario; calls `user(1)` of a cached function have it too. */
export const KEY = ['user', 1] as const

/** One run of a scenario. */
export class Scene {
  readonly clock: ManualClock = manualClock()
  /** The lowest tier, where there is one below memory. It answers later, and does as its script says. */
  readonly store: ScriptedTier = scriptedTier('store', soon)
  readonly cache: Cache
  readonly calls: Call[] = []
  readonly loads: Load[] = []
  readonly loadEvents: string[] = []
  /** Lets the store answer what it holds back. */
  letGo: () => void = () => undefined
  readonly #caller = new AsyncLocalStorage<Call>()

  /** @param observed - Whether events are listened to. Without, hits take the quick way. */
  constructor(options: CacheOptions = {}, tiers: TierChoice = 'memory', observed = true) {
    const chosen = {
      memory: [memory(this.clock)],
      'memory over a store': [memory(this.clock), this.store],
      'a store': [this.store],
    }[tiers]
    const { cache } = open({
      ttl: '10s',
      ...options,
      clock: this.clock,
      tiers: chosen,
      onEvent: observed ? (event) => this.#note(event) : undefined,
    })
    this.cache = cache
  }

  /** Makes a value when the scenario says so. */
  readonly load = (context: LoadContext): Promise<unknown> => {
    const load = { ...deferred<unknown>(), context, over: false }
    this.loads.push(load)
    return load.promise
  }

  /** Makes a call and follows it to its end. */
  follow(
    run: (
      signal: AbortSignal,
    ) => Promise<{ readonly value: unknown; readonly context: CallContext }>,
  ): void {
    const controller = new AbortController()
    const call: Call = { controller, result: undefined, event: undefined }
    this.calls.push(call)
    this.#caller.run(call, () => {
      run(controller.signal).then(
        ({ value, context }) => {
          // As it is now: what is handed out should not change any more.
          call.result = { value, context: { ...context, trace: [...context.trace] } }
        },
        (error: unknown) => {
          call.result = { value: told(error) }
        },
      )
    })
  }

  /** The load that began first of those that run. */
  running(): Load {
    const load = this.loads.find(({ over, context }) => !over && !context.signal.aborted)
    if (load === undefined) throw new Error('the scenario ends a load, and none runs')
    load.over = true
    return load
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      await step(this)
      await turn()
    }
  }

  #note(event: HitboxEvent): void {
    const call = this.#caller.getStore()
    if (event.type === 'call' && call !== undefined) call.event = event
    if (event.type !== 'load') return
    this.loadEvents.push(event.refresh ? `refresh ${event.state}` : event.state)
  }

  /** What became of the calls. */
  answers(): AnswerRow[] {
    return this.calls.map(({ result, event }) => {
      if (result === undefined || event === undefined) return ['pending', undefined, '']
      const words: string[] = [event.outcome]
      if (event.collapsed) words.push('collapsed')
      if (event.failed) words.push('failed')
      agree(event, result.context)
      return [words.join(' '), result.value, event.trace.join(' ')]
    })
  }
}

/** Plays a scenario and compares all that can be seen of it. */
export async function enact(scenario: Scenario, tiers?: TierChoice): Promise<void> {
  const { options, steps, answers, loads, stores, sources, store } = scenario
  const scene = new Scene(options, tiers)
  await scene.play(steps)
  const stats = scene.cache.stats()
  expect({ answers: scene.answers(), loads: scene.loadEvents, stores: stats.stores }).toEqual({
    answers,
    loads,
    stores,
  })
  if (sources !== undefined) {
    expect(scene.calls.map(({ result }) => result?.context?.source)).toEqual(sources)
  }
  if (store !== undefined) expect(scene.store.calls).toEqual(store)
  expect(scene.loads).toHaveLength(loads.filter((state) => state.endsWith('started')).length)
  expect(stats.hits + stats.stale + stats.misses + stats.bypasses).toBe(stats.calls)
  expect(stats.inFlight).toBe(0)
}

/** An event and a context of one call tell the same, in the words of RFC 9211. */
function agree(event: CallEvent, context: CallContext | undefined): void {
  const { outcome, collapsed, durationMs, trace, failed } = event
  expect(failed).toBe(context === undefined)
  if (context === undefined) return
  const replaced = trace.includes('flight') && /stale|expired/.test(trace.join(' '))
  const forward = { miss: replaced ? 'stale' : 'miss', bypass: 'bypass', hit: undefined }
  expect({ ...context }).toMatchObject({
    status: outcome === 'hit' || outcome === 'stale' ? outcome : 'forward',
    forward: outcome === 'stale' ? undefined : forward[outcome],
    collapsed,
    durationMs,
  })
  expect(context.trace).toEqual(trace)
}

function told(error: unknown): string {
  if (CacheError.is(error)) return error.code
  return error instanceof Error ? error.message : String(error)
}

/** So many calls with a loader, at the same moment. */
export const ask =
  (count = 1, options: CallOptions = {}): Step =>
  (scene) => {
    for (let call = 0; call < count; call += 1) {
      scene.follow((signal) =>
        scene.cache.getOrLoad.withContext(KEY, scene.load, { ...options, signal }),
      )
    }
  }

/** A call without a loader. */
export const look: Step = (scene) => {
  scene.follow(() => scene.cache.get.withContext(KEY))
}

/** The first of the running loads gives `v1`, `v2`, … by its number. */
export const give: Step = (scene) => {
  const load = scene.running()
  load.resolve(`v${scene.loads.indexOf(load) + 1}`)
}

/** The same, and decides for itself that it is not to be kept. */
export const giveUnkept: Step = (scene) => {
  const load = scene.running()
  load.context.doNotStore()
  load.resolve(`v${scene.loads.indexOf(load) + 1}`)
}

/** The same, and tells what its value belongs to. */
export const giveTagged =
  (...tags: readonly string[]): Step =>
  (scene) => {
    const load = scene.running()
    load.context.setTags(...tags)
    load.resolve(`v${scene.loads.indexOf(load) + 1}`)
  }

/** A load, counted from 1, gives a value when nobody waits for it any more. */
export const giveLate =
  (number: number): Step =>
  ({ loads }) =>
    loads[number - 1]?.resolve('late')

/** The first of the running loads fails with `no 1`, `no 2`, … by its number. */
export const fail: Step = (scene) => {
  const load = scene.running()
  load.reject(new Error(`no ${scene.loads.indexOf(load) + 1}`))
}

/** A caller, counted from 0, does not want to wait any more. */
export const leave =
  (call: number): Step =>
  ({ calls }) =>
    calls[call]?.controller.abort(new Error('left'))

export const pass =
  (time: DurationInput): Step =>
  ({ clock }) =>
    clock.advance(time)

export const put =
  (value: unknown, options?: WriteOptions): Step =>
  ({ cache }) =>
    cache.set(KEY, value, options)

export const remove: Step = ({ cache }) => cache.delete(KEY)
export const expire: Step = ({ cache }) => cache.expire(KEY)

export const invalidate =
  (...tags: readonly string[]): Step =>
  ({ cache }) =>
    cache.invalidateTags(...tags)

export const clear: Step = ({ cache }) => cache.clear()

/** Puts a value into the lowest tier only, as another process would. */
export const putBelow =
  (value: unknown, life: { readonly ttlMs: number; readonly freshMs: number }): Step =>
  ({ store, clock }) => {
    const now = clock.now()
    const entry = { data: value, staleAt: now + life.freshMs, expiresAt: now + life.ttlMs }
    store.entries.set(keyText(KEY), { ...entry, meta: undefined })
  }

/** From now on the store fails these operations. */
export const broken =
  (...verbs: readonly Verb[]): Step =>
  ({ store }) => {
    store.script = (call, effect) =>
      verbs.includes(call.verb) ? Promise.reject(failure('store')) : soon(call, effect)
  }

/** From now on the store does these operations, and does not answer before {@link answered}. */
export const unanswered =
  (...verbs: readonly Verb[]): Step =>
  (scene) => {
    const gate = deferred()
    scene.letGo = () => {
      scene.store.script = soon
      gate.resolve()
    }
    scene.store.script = async (call, effect) => {
      const result = effect()
      if (verbs.includes(call.verb)) await gate.promise
      return result
    }
  }

export const answered: Step = (scene) => scene.letGo()
