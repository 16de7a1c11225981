import { isPromise, type MaybePromise } from '@hitbox/core'

/** Waits for all of them, and not at all when they are there already. */
export function together<T>(answers: readonly MaybePromise<T>[]): MaybePromise<T[]> {
  return answers.some((answer) => isPromise(answer))
    ? Promise.all(answers)
    : (answers as readonly T[]).slice()
}
