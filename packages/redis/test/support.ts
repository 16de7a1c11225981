import { inspect } from 'node:util'
import { type CacheBackend, CacheError } from '@hitbox/core'

/** What a call failed with; `undefined` when it did not fail. */
export async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
    return undefined
  } catch (error) {
    return error
  }
}

export async function codeOf(call: () => unknown): Promise<string | undefined> {
  const error = await failureOf(call)
  if (error === undefined) return undefined
  return CacheError.is(error) ? error.code : `another error: ${inspect(error)}`
}

/** Runs a call and tells how long it took, in ms. */
export async function timed(call: () => unknown): Promise<number> {
  const begun = performance.now()
  await failureOf(call)
  return performance.now() - begun
}

/** Opens backends for a test, and closes them after it. */
export class Backends {
  readonly #open: CacheBackend[] = []

  add<Backend extends CacheBackend>(backend: Backend): Backend {
    this.#open.push(backend)
    return backend
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((backend) => backend.close()))
  }
}
