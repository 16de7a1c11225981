import { isPromise, type MaybePromise } from '@hitbox/core'
import type { Engine } from '../engine.ts'

/** What a wait has brought, unless the caller left before. */
export type Stayed<T> = { readonly left: false; readonly value: T } | { readonly left: true }

const LEFT = { left: true } as const

/** Waits for something as long as the caller does. What he waited for goes on. */
export function unlessLeft<T>(
  engine: Engine,
  signal: AbortSignal | undefined,
  work: MaybePromise<T>,
): MaybePromise<Stayed<T>> {
  if (signal?.aborted === true) return LEFT
  if (!isPromise(work)) return { left: false, value: work }
  if (signal === undefined) return work.then((value) => ({ left: false, value }))
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      resolve(LEFT)
    }
    engine.signals.add(signal, onAbort)
    work.then(
      (value) => {
        engine.signals.remove(signal, onAbort)
        resolve({ left: false, value })
      },
      (error: unknown) => {
        engine.signals.remove(signal, onAbort)
        reject(error)
      },
    )
  })
}
