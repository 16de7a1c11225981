import assert from 'node:assert/strict'
import {
  type CacheBackend,
  type CacheListener,
  type CacheValue,
  type Clock,
  type KeyInput,
  systemClock,
} from '@hitbox/core'
import { type ManualClock, manualClock } from '../manual-clock.ts'
import { until } from '../until.ts'
import type {
  BackendCapabilities,
  BackendCapability,
  BackendCase,
  BackendSubject,
} from './backend-subject.ts'
import type { Reason } from './contract-case.ts'

/** How far moments may be off where they are counted by another clock than ours. */
const REAL_TOLERANCE_MS = 50
/** A backend that does not close is to fail its case, not to hang it. */
const CLOSE_MS = 10_000
/** Whole milliseconds are promised. */
const EXACT_TOLERANCE_MS = 1

/** What a case works with: an open backend and its time. */
export class Scene {
  readonly backend: CacheBackend
  readonly clock: Clock
  /** How exact moments are that come back, in ms. */
  readonly toleranceMs: number
  readonly subject: BackendSubject
  readonly #manual: ManualClock | undefined
  readonly #opened: CacheBackend[]

  constructor(subject: BackendSubject, backend: CacheBackend, manual: ManualClock | undefined) {
    this.subject = subject
    this.backend = backend
    this.#manual = manual
    this.clock = manual ?? systemClock
    this.toleranceMs = manual === undefined ? REAL_TOLERANCE_MS : EXACT_TOLERANCE_MS
    this.#opened = [backend]
  }

  /** What a case asked for by its `needs`. */
  use<Name extends BackendCapability>(
    name: Name,
  ): Exclude<BackendCapabilities[Name], Reason | undefined> {
    const capability = this.subject.capabilities[name]
    assert.ok(
      capability !== undefined && typeof capability !== 'string',
      `the subject lacks "${name}"`,
    )
    return capability as Exclude<BackendCapabilities[Name], Reason | undefined>
  }

  /** Opens another fresh backend, which reports to `onEvent`. Nothing can be said of the first one then. */
  async reporting(onEvent: CacheListener): Promise<CacheBackend> {
    return this.adopt(await this.subject.open({ clock: this.#manual, onEvent }))
  }

  /** Closes a further backend together with the first. */
  adopt(backend: CacheBackend): CacheBackend {
    this.#opened.push(backend)
    return backend
  }

  /** Makes another backend on the same data, as another process would. */
  async join(): Promise<CacheBackend> {
    return this.adopt(await this.use('join')(this.backend))
  }

  /** An entry that lives for so many ms from now. */
  entry<T>(data: T, ttlMs: number = 60_000, staleAfterMs: number = ttlMs): CacheValue<T> {
    const now = this.clock.now()
    return { data, staleAt: now + staleAfterMs, expiresAt: now + ttlMs }
  }

  /** Lets time go on until the clock shows `moment`. */
  async reach(moment: number): Promise<void> {
    if (this.#manual !== undefined) this.#manual.advance(Math.max(0, moment - this.#manual.now()))
    else await until('it is time', () => this.clock.now() >= moment)
  }

  /** Lets time go on until nothing may be served that ends at `end`, whoever counts. */
  async pass(end: number): Promise<void> {
    await this.reach(this.#manual === undefined ? end + this.toleranceMs : end)
  }

  /** Asserts that a key has `data`. That it is gone is right only when its time is over, which a slow machine may let pass. */
  async has(
    key: KeyInput,
    data: unknown,
    expiresAt: number = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const found = await this.backend.get(key)
    if (found === undefined && this.clock.now() > expiresAt - this.toleranceMs) return
    assert.ok(found, 'the entry is missing')
    assert.deepEqual(found.data, data)
  }

  /** Asserts that a read finds nothing. */
  async lacks(key: KeyInput): Promise<void> {
    assert.equal(await this.backend.get(key), undefined)
  }

  /** Asserts that a moment is another one, as exactly as can be. */
  near(actual: number | undefined, expected: number): void {
    assert.ok(typeof actual === 'number', `${actual} is no moment`)
    const off = actual === expected ? 0 : Math.abs(actual - expected)
    assert.ok(off <= this.toleranceMs, `the moment is ${off} ms off`)
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.map((backend) => backend.close()))
  }
}

const GROUPS: Readonly<Record<string, string>> = {
  A: 'entry round trip',
  B: 'hit or miss',
  C: 'keys',
  D: 'time',
  E: 'batches',
  F: 'clearing',
  G: 'concurrency',
  H: 'failure',
  I: 'lifecycle',
  J: 'honesty',
  M: 'leases',
  N: 'coherence',
}

const UNLESS_SAID: Readonly<Record<string, string>> = {
  M: 'nobody says that it has leases',
  N: 'nobody says that it tells what others change',
}

export interface BackendCaseSpec {
  readonly id: string
  readonly title: string
  readonly why: string
  readonly needs?: readonly BackendCapability[]
  test(scene: Scene): Promise<void>
}

/** Makes a case that opens a backend for itself and closes it. */
export function backendCase(spec: BackendCaseSpec): BackendCase {
  const { id, title, why, needs = [] } = spec
  return Object.freeze({
    id,
    group: GROUPS[id.charAt(0)] as string,
    unlessSaid: UNLESS_SAID[id.charAt(0)],
    title,
    why,
    needs: Object.freeze(needs),
    run: async (subject: BackendSubject): Promise<void> => {
      const takesClock = typeof subject.capabilities.clock !== 'string'
      const clock = takesClock ? manualClock() : undefined
      const scene = new Scene(subject, await subject.open({ clock }), clock)
      try {
        await spec.test(scene)
      } finally {
        await settles(CLOSE_MS, scene.close())
      }
    },
  })
}

/** Asserts that an operation fails with one of these codes, at once or later. */
export async function fails(
  codes: string | readonly string[],
  operation: () => unknown,
): Promise<unknown> {
  let outcome: unknown
  try {
    outcome = await operation()
  } catch (error) {
    const code = (error as { readonly code?: unknown } | undefined)?.code
    assert.ok([codes].flat().includes(code as string), `it failed with ${String(code ?? error)}`)
    return error
  }
  return assert.fail(`it did not fail but gave ${typeof outcome}`)
}

/** Settles like `work`, or fails when that takes longer than so many ms. */
export async function settles<T>(withinMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled after ${withinMs} ms`)), withinMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
