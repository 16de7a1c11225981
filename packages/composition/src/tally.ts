import {
  type BackendStats,
  CacheError,
  type CacheEvent,
  type CacheListener,
  type MissReason,
  type Operation,
  Reporter,
  sourcePath,
} from '@hitbox/core'

/** Counts and tells what happens between the tiers of one composition. */
export class Tally {
  /** Source path of each tier, `tiers.memory`. */
  readonly paths: readonly string[]
  hits = 0
  writes = 0
  deletes = 0
  readonly #label: string
  readonly #reporter: Reporter
  #misses = 0
  #errors = 0

  constructor(label: string, tierLabels: readonly string[], listener: CacheListener | undefined) {
    this.#label = label
    this.paths = tierLabels.map((inner) => sourcePath(label, inner))
    this.#reporter = new Reporter(listener)
  }

  /** Ask first, so that an unobserved composition builds no event. */
  get observed(): boolean {
    return this.#reporter.active
  }

  report(event: CacheEvent): void {
    this.#reporter.report(event)
  }

  hit(tier: number, key: string, stale: boolean): void {
    this.#reporter.report({ type: 'hit', source: this.paths[tier] as string, key, stale })
  }

  missed(key: string, reason: MissReason): void {
    this.#misses += 1
    if (this.observed) this.report({ type: 'miss', source: this.#label, key, reason })
  }

  written(key: string): void {
    this.writes += 1
    if (this.observed) this.report({ type: 'write', source: this.#label, key, bytes: undefined })
  }

  deleted(key: string, count: number): void {
    this.deletes += 1
    if (this.observed) this.report({ type: 'delete', source: this.#label, key, count })
  }

  refilled(tier: number, key: string, done: boolean): void {
    if (!this.observed) return
    this.report({ type: 'refill', source: this.paths[tier] as string, key, done })
  }

  /** Counts and tells that a tier failed. @returns the failure as a {@link CacheError}. */
  failure(
    tier: number,
    operation: Operation | 'refill' | 'close',
    key: string | undefined,
    error: unknown,
  ): unknown {
    this.#errors += 1
    const source = this.paths[tier] as string
    const told = CacheError.is(error) ? error : wrap(source, operation, error)
    if (this.observed) this.report({ type: 'error', source, key, operation, error: told })
    return told
  }

  /** An offload that throws instead of refusing. */
  offloadFailed(error: unknown): void {
    this.#errors += 1
    const source = this.#label
    if (this.observed) this.report({ type: 'error', source, operation: 'offload', error })
  }

  /** The error of an operation in which every tier failed. @param errors - In the order of the tiers. */
  allFailed(operation: Operation, errors: readonly unknown[]): CacheError<'BOTH_TIERS_FAILED'> {
    const failures = errors.map((error, tier) => ({ source: this.paths[tier] as string, error }))
    const told = failures.map(({ source, error }) => `${source} (${codeOf(error)})`).join(', ')
    return new CacheError(
      'BOTH_TIERS_FAILED',
      `every tier of "${this.#label}" failed to ${operation}: ${told}`,
      {
        details: { source: this.#label, operation, failures },
        cause: new AggregateError(errors, 'one error per tier, in their order'),
      },
    )
  }

  stats(): BackendStats {
    const { hits, writes, deletes } = this
    return { hits, misses: this.#misses, writes, deletes, errors: this.#errors, dropped: {} }
  }
}

function codeOf(error: unknown): string {
  return CacheError.is(error) ? error.code : 'unknown'
}

function wrap(
  source: string,
  operation: Operation | 'refill' | 'close',
  cause: unknown,
): CacheError<'BACKEND_FAILED'> {
  const doing = operation === 'close' ? 'close' : `${operation} an entry`
  const details = { source, operation: OPERATIONS[operation] }
  return new CacheError('BACKEND_FAILED', `tier "${source}" failed to ${doing}`, { details, cause })
}

/** What a tier was asked to do, in the words of its errors. */
const OPERATIONS = {
  connect: 'connect',
  read: 'read',
  write: 'write',
  remove: 'remove',
  refill: 'write',
  close: 'connect',
} as const satisfies Record<string, Operation>
