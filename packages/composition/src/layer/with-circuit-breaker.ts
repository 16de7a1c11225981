import {
  type CacheBackend,
  CacheError,
  type CacheErrorCode,
  type CacheListener,
  type Clock,
  type DurationInput,
  failed,
  isPromise,
  type ItemResult,
  knownOptions,
  type MaybePromise,
  Reporter,
  systemClock,
  toDuration,
  toTimeout,
  wholeNumber,
} from '@hitbox/core'
import { checkBackend, type Layer, LayeredBackend, type Verb } from './layered-backend.ts'

/** When {@link withCircuitBreaker} opens the circuit, and closes it again. */
export interface CircuitBreakerOptions {
  /** Failures in a row that open the circuit. Required. */
  readonly failures: number
  /** How far apart the first and the last of them may be. @defaultValue `forever` */
  readonly window?: DurationInput | undefined
  /** How long the backend is left alone before a probe; also how long a probe may take before the next is let through. Required. */
  readonly openFor: DurationInput
  /** Probes in a row that must succeed to close the circuit again. @defaultValue 1 */
  readonly probes?: number | undefined
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Told when the circuit changes. @defaultValue none */
  readonly onEvent?: CacheListener | undefined
}

/**
 * Leaves a backend alone that keeps failing. Closed: operations pass. After `failures` in a row it opens: operations fail with
 * `CIRCUIT_OPEN` at once, and of a batch every item does. After `openFor` it is half-open: one operation at a time passes as a
 * probe, and its outcome closes or reopens the circuit.
 *
 * A batch counts as one operation: it failed when no item succeeded and some item failed for a reason that counts. What is
 * the caller's doing (`INVALID_KEY`, `INVALID_OPTION`, `ENCODE_FAILED`, `TOO_LARGE`, `CLOSED`, …) and refusals by other layers
 * count neither way. Put {@link withDeadline} below this, so that a backend that hangs is one that fails. Owns `backend`.
 *
 * @example
 * ```ts
 * import { withCircuitBreaker, withDeadline } from '@hitbox/composition'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const guarded = (store: CacheBackend): CacheBackend =>
 *   withCircuitBreaker(withDeadline(store, '200ms'), { failures: 5, openFor: '2s' })
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an argument cannot be used.
 */
export function withCircuitBreaker(
  backend: CacheBackend,
  options: CircuitBreakerOptions,
): CacheBackend {
  knownOptions('withCircuitBreaker', options, NAMES)
  const inner = checkBackend('backend', backend)
  return new LayeredBackend(inner, new Circuit(inner.label, options))
}

const NAMES: readonly (keyof CircuitBreakerOptions)[] = [
  'failures',
  'window',
  'openFor',
  'probes',
  'clock',
  'onEvent',
]

/** Failures that say nothing about the health of the backend: the caller's own, or it was never asked. */
const NEUTRAL: ReadonlySet<CacheErrorCode> = new Set<CacheErrorCode>([
  'INVALID_KEY',
  'INVALID_OPTION',
  'ENCODE_FAILED',
  'TOO_LARGE',
  'UNSUPPORTED',
  'CLOSED',
  'CIRCUIT_OPEN',
  'OVERLOADED',
])

class Circuit implements Layer {
  readonly #source: string
  readonly #failures: number
  readonly #windowMs: number
  readonly #openForMs: number
  readonly #probes: number
  readonly #clock: Clock
  readonly #reporter: Reporter
  #state: 'closed' | 'open' | 'half-open' = 'closed'
  /** Raised with every change of state and every probe: an outcome from an earlier era comes too late to matter. */
  #era = 0
  /** When the failures in a row happened, oldest first; at most as many as open the circuit. */
  #failedAt: number[] = []
  /** Until when nothing passes: the end of being open, or of the probe's turn; 0 while a probe may start. */
  #blockedUntil = 0
  #succeeded = 0

  constructor(source: string, options: CircuitBreakerOptions) {
    this.#source = source
    this.#failures = wholeNumber('failures', options.failures, { min: 1, max: 1_000 })
    this.#windowMs =
      options.window === undefined ? Number.POSITIVE_INFINITY : toDuration(options.window, 'window')
    this.#openForMs = toTimeout(options.openFor, 'openFor')
    this.#probes = wholeNumber('probes', options.probes ?? 1, { min: 1 })
    this.#clock = options.clock ?? systemClock
    this.#reporter = new Reporter(options.onEvent)
  }

  one<R>(_verb: Verb, run: () => MaybePromise<R>): MaybePromise<R> {
    const refusal = this.#admit()
    if (refusal !== undefined) throw refusal
    const era = this.#era
    let answer: MaybePromise<R>
    try {
      answer = run()
    } catch (error) {
      this.#judge(era, error)
      throw error
    }
    if (!isPromise(answer)) {
      this.#note(era, 'success')
      return answer
    }
    return answer.then(
      (value) => {
        this.#note(era, 'success')
        return value
      },
      (error: unknown) => {
        this.#judge(era, error)
        throw error
      },
    )
  }

  many<R>(
    _verb: Verb,
    count: number,
    run: () => MaybePromise<ItemResult<R>[]>,
  ): MaybePromise<ItemResult<R>[]> {
    const refusal = this.#admit()
    if (refusal !== undefined) return Array.from({ length: count }, () => failed(refusal))
    const era = this.#era
    const judged = (results: ItemResult<R>[]): ItemResult<R>[] => {
      this.#note(era, verdict(results))
      return results
    }
    let answer: MaybePromise<ItemResult<R>[]>
    try {
      answer = run()
    } catch (error) {
      this.#judge(era, error)
      throw error
    }
    if (!isPromise(answer)) return judged(answer)
    return answer.then(judged, (error: unknown) => {
      this.#judge(era, error)
      throw error
    })
  }

  /** @returns why the operation must not pass, or `undefined` when it may. */
  #admit(): CacheError<'CIRCUIT_OPEN'> | undefined {
    if (this.#state === 'closed') return undefined
    const now = this.#clock.now()
    if (now < this.#blockedUntil) return this.#refusal(this.#blockedUntil - now)
    if (this.#state === 'open') this.#turn('half-open')
    this.#era += 1
    this.#blockedUntil = now + this.#openForMs
    return undefined
  }

  #judge(era: number, error: unknown): void {
    this.#note(era, countsAgainst(error) ? 'failure' : 'neutral')
  }

  #note(era: number, outcome: 'success' | 'failure' | 'neutral'): void {
    if (era !== this.#era) return
    if (this.#state === 'half-open') this.#noteProbe(outcome)
    else if (outcome === 'success') {
      if (this.#failedAt.length > 0) this.#failedAt = []
    } else if (outcome === 'failure') this.#noteFailure()
  }

  #noteProbe(outcome: 'success' | 'failure' | 'neutral'): void {
    if (outcome === 'failure') {
      this.#open()
      return
    }
    this.#blockedUntil = 0
    if (outcome === 'success') this.#succeeded += 1
    if (this.#succeeded >= this.#probes) this.#turn('closed')
  }

  #noteFailure(): void {
    const now = this.#clock.now()
    this.#failedAt.push(now)
    if (this.#failedAt.length < this.#failures) return
    const oldest = this.#failedAt.shift() as number
    if (now - oldest <= this.#windowMs) this.#open()
  }

  #open(): void {
    this.#blockedUntil = this.#clock.now() + this.#openForMs
    this.#turn('open')
  }

  #turn(state: 'closed' | 'open' | 'half-open'): void {
    this.#state = state
    this.#era += 1
    this.#failedAt = []
    this.#succeeded = 0
    if (this.#reporter.active) {
      this.#reporter.report({ type: 'circuit', source: this.#source, state })
    }
  }

  #refusal(retryInMs: number): CacheError<'CIRCUIT_OPEN'> {
    const source = this.#source
    return new CacheError('CIRCUIT_OPEN', `backend "${source}" keeps failing and is left alone`, {
      details: { source, retryInMs },
    })
  }
}

function countsAgainst(error: unknown): boolean {
  return !(CacheError.is(error) && NEUTRAL.has(error.code))
}

function verdict(results: readonly ItemResult<unknown>[]): 'success' | 'failure' | 'neutral' {
  if (results.some((result) => result.ok)) return 'success'
  return results.some((result) => !result.ok && countsAgainst(result.error)) ? 'failure' : 'neutral'
}
