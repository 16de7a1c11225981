/** An answer that may be there at once. A hit in memory costs no promise until somebody awaits it. */
export type MaybePromise<T> = T | Promise<T>

/** Whether the answer is still to come. Promises of other realms and libraries count. */
export function isPromise<T>(answer: MaybePromise<T>): answer is Promise<T> {
  return (
    typeof answer === 'object' &&
    answer !== null &&
    typeof (answer as Partial<Promise<T>>).then === 'function'
  )
}

/** Goes on with an answer that may be there already. */
export function chain<T, R>(
  answer: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> {
  return isPromise(answer) ? answer.then(next) : next(answer)
}
