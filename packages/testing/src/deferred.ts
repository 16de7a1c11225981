/** A promise together with what settles it, for tests that decide themselves when something answers. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  /** Settles it, the first time. */
  readonly resolve: (value: T | PromiseLike<T>) => void
  /** Fails it, the first time. */
  readonly reject: (reason: unknown) => void
}

/**
 * Makes a promise that waits for the test.
 *
 * @example
 * ```ts
 * import { deferred } from '@hitbox/testing'
 *
 * const answer = deferred<number>()
 * void answer.promise.then((value) => console.log(value))
 * answer.resolve(42)
 * ```
 */
export function deferred<T = void>(): Deferred<T> {
  let resolve: Deferred<T>['resolve'] | undefined
  let reject: Deferred<T>['reject'] | undefined
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  // The executor above has run by now.
  return {
    promise,
    resolve: resolve as Deferred<T>['resolve'],
    reject: reject as Deferred<T>['reject'],
  }
}
