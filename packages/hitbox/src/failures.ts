import type { Flight } from './flight/flight.ts'
import type { Policy } from './policy.ts'
import type { Sight } from './versions/versions.ts'

/** A load that failed, and how long that counts. */
export interface Failure {
  readonly error: unknown
  /** The versions that the load began under. */
  readonly sight: Sight
  readonly streak: number
  /** Until then an old value is served without another try. */
  readonly retryAt: number
  /** Until then callers without an old value get `error` without another try. */
  readonly failsUntil: number
}

/** Past this many the oldest are forgotten, which costs a load. */
const MOST_FAILURES = 10_000
const MOST_DOUBLINGS = 5

/** What loads failed lately, by key, so that a source in trouble is asked less and less often. */
export class Failures {
  readonly #byKey = new Map<string, Failure>()

  get(text: string): Failure | undefined {
    return this.#byKey.size === 0 ? undefined : this.#byKey.get(text)
  }

  note({ text, sight }: Flight, error: unknown, policy: Policy, now: number): void {
    const streak = (this.#byKey.get(text)?.streak ?? 0) + 1
    const factor = 2 ** Math.min(streak - 1, MOST_DOUBLINGS)
    this.forget(text)
    this.#byKey.set(text, {
      error,
      sight,
      streak,
      retryAt: now + policy.retryAfterMs * factor,
      failsUntil: now + policy.errorTtlMs * factor,
    })
    if (this.#byKey.size <= MOST_FAILURES) return
    for (const oldest of this.#byKey.keys()) {
      this.#byKey.delete(oldest)
      break
    }
  }

  forget(text: string): void {
    if (this.#byKey.size > 0) this.#byKey.delete(text)
  }
}
