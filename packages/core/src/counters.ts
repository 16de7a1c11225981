import type { BackendStats } from './cache-backend.ts'
import type { DropReason } from './miss-reason.ts'

/** Counts what a backend does; the writable side of {@link BackendStats}. */
export class Counters {
  hits = 0
  misses = 0
  writes = 0
  deletes = 0
  errors = 0
  readonly #dropped: Partial<Record<DropReason, number>> = {}

  drop(reason: DropReason): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1
  }

  snapshot(): BackendStats {
    const { hits, misses, writes, deletes, errors } = this
    return { hits, misses, writes, deletes, errors, dropped: { ...this.#dropped } }
  }
}
