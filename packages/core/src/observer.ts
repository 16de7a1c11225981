import type { BackendStats } from './cache-backend.ts'
import type { Context } from './context.ts'
import { Counters } from './counters.ts'
import { CacheError, type Operation } from './errors.ts'
import { type CacheListener, Reporter } from './events.ts'
import type { DropReason, MissReason } from './miss-reason.ts'
import type { CacheValue } from './value.ts'

/** What a tier says of itself: counts it, tells listeners when there are any, and fills the context of who asked. */
export class Observer {
  readonly #source: string
  readonly #reporter: Reporter
  readonly #counters = new Counters()

  /** @param source - Label of the tier. */
  constructor(source: string, listener: CacheListener | undefined) {
    this.#source = source
    this.#reporter = new Reporter(listener)
  }

  /** What was counted since it was made. */
  stats(): BackendStats {
    return this.#counters.snapshot()
  }

  /** @returns the value, for the caller to return. */
  hit<T>(
    key: string,
    value: CacheValue<T>,
    now: number,
    context: Context | undefined,
  ): CacheValue<T> {
    this.#counters.hits += 1
    const stale = value.staleAt <= now
    if (context !== undefined) {
      context.status = stale ? 'stale' : 'hit'
      context.source = this.#source
      context.missReason = undefined
      context.ttlMs = value.expiresAt - now
    }
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'hit', source: this.#source, key, stale })
    }
    return value
  }

  /** {@link Observer.hit} of a value that is fresh, for who wants no more than that. @returns the value, for the caller to return. */
  freshHit<T>(key: string, value: CacheValue<T>): CacheValue<T> {
    this.#counters.hits += 1
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'hit', source: this.#source, key, stale: false })
    }
    return value
  }

  /** A read that found nothing to serve. @returns nothing, for the caller to return. */
  missed(key: string, reason: MissReason, context: Context | undefined): undefined {
    this.#counters.misses += 1
    if (context !== undefined) context.missReason = reason
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'miss', source: this.#source, key, reason })
    }
    return undefined
  }

  /** A miss although there were bytes: counted under its reason too. */
  dropped(key: string, reason: DropReason, context: Context | undefined): undefined {
    this.#counters.drop(reason)
    return this.missed(key, reason, context)
  }

  /** A write that was done. @param bytes - Stored size, where there is one. */
  written(key: string, bytes: number | undefined): void {
    this.#counters.writes += 1
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'write', source: this.#source, key, bytes })
    }
  }

  /** A delete that was done. @param count - Copies removed. */
  deleted(key: string, count: number): void {
    this.#counters.deletes += 1
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'delete', source: this.#source, key, count })
    }
  }

  /** Counts and tells a failure. @returns it as a {@link CacheError}, for the caller to throw. */
  failure(operation: Operation, key: string, error: unknown): unknown {
    this.#counters.errors += 1
    const told = CacheError.is(error) ? error : this.#wrap(operation, error)
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'error', source: this.#source, key, operation, error: told })
    }
    return told
  }

  #wrap(operation: Operation, cause: unknown): CacheError<'BACKEND_FAILED'> {
    const message = `backend "${this.#source}" failed to ${operation} an entry`
    const details = { source: this.#source, operation }
    return new CacheError('BACKEND_FAILED', message, { details, cause })
  }
}

/** The error of a tier that was used after it was closed. */
export function closedError(source: string): CacheError<'CLOSED'> {
  return new CacheError('CLOSED', `backend "${source}" is closed`, { details: { source } })
}
