import { LatencyHistogram } from './histogram.ts'

export interface OpenLoopOptions {
  /** Moments of the calls in ms from the start, ascending. */
  readonly arrivals: Float64Array
  /** Makes the call at an index of `arrivals`. A rejection counts as an error. */
  readonly call: (index: number) => Promise<unknown>
  /** How long to wait for calls that are under way when the last has been made. */
  readonly drainMs: number
  /** Calls due before this moment are made, and not counted. @defaultValue 0 */
  readonly countFromMs?: number | undefined
}

/** What callers saw. */
export interface OpenLoopResult {
  /** Of calls that succeeded, and of unfinished ones what they had waited by the end. */
  readonly latencies: LatencyHistogram
  readonly errors: number
  /** By message, the most frequent first. */
  readonly errorMessages: readonly (readonly [message: string, count: number])[]
  readonly unfinished: number
}

/**
 * Makes calls at their moments, however many are under way. Callers of a service do not wait for each other, and a generator that
 * waits for an answer before it asks again leaves out just the calls that a slow answer would have hurt ("coordinated omission").
 *
 * A latency is counted from the moment at which the call was due. When the process is too busy to make it then, that wait is its caller's too.
 */
export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const run = new Run(options)
  await run.makeCalls()
  await run.drain()
  return run.result()
}

class Run {
  readonly #options: OpenLoopOptions
  readonly #startedAt = performance.now()
  readonly #latencies = new LatencyHistogram()
  /** Moments at which the calls under way were due. */
  readonly #underWay = new Set<{ readonly dueAt: number }>()
  readonly #errors = new Map<string, number>()
  #onIdle: (() => void) | undefined
  #over = false

  constructor(options: OpenLoopOptions) {
    this.#options = options
  }

  async makeCalls(): Promise<void> {
    const { arrivals } = this.#options
    for (let next = 0; next < arrivals.length;) {
      const now = performance.now() - this.#startedAt
      for (; next < arrivals.length && (arrivals[next] as number) <= now; next++) {
        void this.#make(next, arrivals[next] as number)
      }
      if (next < arrivals.length) await untilAbout((arrivals[next] as number) - now)
    }
  }

  async drain(): Promise<void> {
    if (this.#underWay.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, this.#options.drainMs)
        this.#onIdle = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#over = true
  }

  result(): OpenLoopResult {
    const endedAt = performance.now()
    for (const { dueAt } of this.#underWay) this.#latencies.record(endedAt - dueAt)
    const errorMessages = [...this.#errors].toSorted(([, a], [, b]) => b - a)
    return {
      latencies: this.#latencies,
      errors: errorMessages.reduce((sum, [, count]) => sum + count, 0),
      errorMessages,
      unfinished: this.#underWay.size,
    }
  }

  async #make(index: number, dueMs: number): Promise<void> {
    const { call, countFromMs = 0 } = this.#options
    const flight = { dueAt: this.#startedAt + dueMs }
    const counts = dueMs >= countFromMs
    if (counts) this.#underWay.add(flight)
    let failure: unknown
    let failed = false
    try {
      await call(index)
    } catch (error) {
      failed = true
      failure = error
    }
    if (!counts || this.#over) return
    this.#underWay.delete(flight)
    if (failed) this.#failed(failure)
    else this.#latencies.record(performance.now() - flight.dueAt)
    if (this.#underWay.size === 0) this.#onIdle?.()
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#errors.set(message, (this.#errors.get(message) ?? 0) + 1)
  }
}

/** Timers are a millisecond late and more, which would be most of a short latency: so they are used for the greater part of a long wait only. */
function untilAbout(waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (waitMs > 3) setTimeout(resolve, waitMs - 2)
    else setImmediate(resolve)
  })
}
