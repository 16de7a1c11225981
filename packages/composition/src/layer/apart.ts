import { type Context, createContext, isPromise, type MaybePromise } from '@hitbox/core'

type Contexts = readonly (Context | undefined)[]

/**
 * Runs a read with contexts of its own, and hands over what they say when it is answered. A read that is not waited for any longer would
 * otherwise go on to speak into contexts that somebody else has filled by then.
 */
export function apart<R>(
  contexts: Contexts,
  read: (own: Contexts) => MaybePromise<R>,
): MaybePromise<R> {
  const own = contexts.map((context) => context && createContext())
  const tell = (): void => {
    for (let index = 0; index < own.length; index += 1) handOver(own[index], contexts[index])
  }
  let answer: MaybePromise<R>
  try {
    answer = read(own)
  } catch (error) {
    tell()
    throw error
  }
  if (isPromise(answer)) return answer.finally(tell)
  tell()
  return answer
}

function handOver(from: Context | undefined, to: Context | undefined): void {
  if (from === undefined || to === undefined) return
  const { failures, ...said } = from
  Object.assign(to, said)
  to.failures.push(...failures)
}
