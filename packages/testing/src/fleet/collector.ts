import type { HistoryEvent } from '../history/event.ts'
import { percentile } from '../history/staleness.ts'
import { type FleetCall, type FromInstance, unpackEvent } from './messages.ts'

/** How the calls of one name went. Times are the instance's own, without those in which it was frozen or blocked by a fault. */
export interface FleetCallReport {
  readonly calls: number
  /** By their code: `LATE` took longer than the deadline, `ABANDONED` had not ended after three of them. */
  readonly errors: Readonly<Record<string, number>>
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** The same by the machine's clock, so with frozen and blocked times. */
  readonly maxWallMs: number
}

/** How one instance fared. */
export interface FleetInstanceReport {
  /** How often it was started. */
  readonly starts: number
  readonly calls: number
  readonly errors: number
  /** What the program counted, in its last life. */
  readonly stats: Readonly<Record<string, number>>
}

interface Counts {
  readonly ownMs: number[]
  readonly errors: Record<string, number>
  maxWallMs: number
}

interface InstanceCounts {
  starts: number
  calls: number
  errors: number
  stats: Readonly<Record<string, number>>
}

/** Takes in what instances send. */
export class Collector {
  readonly history: HistoryEvent[] = []
  /** What should not have happened to a process. */
  readonly problems: string[] = []
  readonly #maxStaleMs: number
  readonly #onProgress: (line: string) => void
  readonly #instances = new Map<number, InstanceCounts>()
  readonly #calls = new Map<FleetCall, Counts>()

  constructor(maxStaleMs: number, onProgress: (line: string) => void) {
    this.#maxStaleMs = maxStaleMs
    this.#onProgress = onProgress
  }

  started(instance: number): void {
    this.#instance(instance).starts += 1
  }

  /** @param life - Which of its lives it is in: a new one has new callers. */
  batch(instance: number, life: number, batch: FromInstance & { readonly type: 'batch' }): void {
    for (const event of batch.events)
      this.history.push(unpackEvent(event, `${instance}.${life}`, this.#maxStaleMs))
    const own = this.#instance(instance)
    for (const [name, code, ownMs, wallMs] of batch.calls) {
      const counts = this.#call(name)
      counts.ownMs.push(ownMs)
      counts.maxWallMs = Math.max(counts.maxWallMs, wallMs)
      own.calls += 1
      if (code === '') continue
      own.errors += 1
      counts.errors[code] = (counts.errors[code] ?? 0) + 1
    }
  }

  stats(instance: number, stats: Readonly<Record<string, number>>): void {
    this.#instance(instance).stats = stats
  }

  problem(instance: number, what: string): void {
    this.problems.push(`instance ${instance} ${what}`)
    this.#onProgress(`instance ${instance} ${what}`)
  }

  instances(): FleetInstanceReport[] {
    return [...this.#instances].toSorted(([a], [b]) => a - b).map(([, counts]) => counts)
  }

  calls(): Partial<Record<FleetCall, FleetCallReport>> {
    const reports: Partial<Record<FleetCall, FleetCallReport>> = {}
    for (const [name, { ownMs, errors, maxWallMs }] of this.#calls) {
      const sorted = Float64Array.from(ownMs).toSorted()
      const [p50Ms, p99Ms] = [percentile(sorted, 0.5), percentile(sorted, 0.99)]
      const maxMs = sorted.at(-1) ?? 0
      reports[name] = { calls: sorted.length, errors, p50Ms, p99Ms, maxMs, maxWallMs }
    }
    return reports
  }

  #instance(instance: number): InstanceCounts {
    let counts = this.#instances.get(instance)
    if (counts === undefined) {
      counts = { starts: 0, calls: 0, errors: 0, stats: {} }
      this.#instances.set(instance, counts)
    }
    return counts
  }

  #call(name: FleetCall): Counts {
    let counts = this.#calls.get(name)
    if (counts === undefined)
      this.#calls.set(name, (counts = { ownMs: [], errors: {}, maxWallMs: 0 }))
    return counts
  }
}
