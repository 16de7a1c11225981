import {
  type CacheBackend,
  CacheError,
  type Clock,
  Deadlines,
  type DurationInput,
  failed,
  isPromise,
  type ItemResult,
  knownOptions,
  type MaybePromise,
  systemClock,
  toTimeout,
} from '@hitbox/core'
import { checkBackend, type Layer, LayeredBackend, type Verb } from './layered-backend.ts'

/** Options of {@link withDeadline}, beside the deadline itself. */
export interface DeadlineOptions {
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/**
 * Bounds how long an operation of a backend is waited for. One that is late fails with `TIMEOUT`; it goes on in the
 * backend, so its outcome is unknown. Of a batch that is late every item fails.
 *
 * An answer that comes at once costs nothing more. One timer serves all waits.
 * Owns `backend`: closing the layer closes it, and `ready` and `close` keep their own bounds.
 *
 * @param timeout - More than 0, and finite.
 * @example
 * ```ts
 * import { withDeadline } from '@hitbox/composition'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const impatient = (store: CacheBackend): CacheBackend => withDeadline(store, '200ms')
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an argument cannot be used.
 */
export function withDeadline(
  backend: CacheBackend,
  timeout: DurationInput,
  options: DeadlineOptions = {},
): CacheBackend {
  knownOptions('withDeadline', options, ['clock'])
  const inner = checkBackend('backend', backend)
  const timeoutMs = toTimeout(timeout, 'timeout')
  return new LayeredBackend(
    inner,
    new Deadline(inner.label, timeoutMs, options.clock ?? systemClock),
  )
}

class Deadline implements Layer {
  readonly abandons = true
  readonly #deadlines: Deadlines
  readonly #late: Readonly<Record<Verb, () => CacheError<'TIMEOUT'>>>

  constructor(source: string, timeoutMs: number, clock: Clock) {
    this.#deadlines = new Deadlines(clock, timeoutMs)
    const late = (operation: Verb) => (): CacheError<'TIMEOUT'> =>
      new CacheError(
        'TIMEOUT',
        `backend "${source}" took longer than ${timeoutMs} ms to ${operation}`,
        { details: { source, operation, timeoutMs } },
      )
    this.#late = { read: late('read'), write: late('write'), remove: late('remove') }
  }

  one<R>(verb: Verb, run: () => MaybePromise<R>): MaybePromise<R> {
    const answer = run()
    return isPromise(answer) ? this.#deadlines.race(answer, this.#late[verb]) : answer
  }

  many<R>(
    verb: Verb,
    count: number,
    run: () => MaybePromise<ItemResult<R>[]>,
  ): MaybePromise<ItemResult<R>[]> {
    const answer = run()
    if (!isPromise(answer)) return answer
    let late: CacheError<'TIMEOUT'> | undefined
    const raced = this.#deadlines.race(answer, () => {
      late = this.#late[verb]()
      return late
    })
    return raced.catch((error: unknown) => {
      if (error !== late) throw error
      return Array.from({ length: count }, () => failed(error))
    })
  }

  close(): void {
    this.#deadlines.close()
  }
}
