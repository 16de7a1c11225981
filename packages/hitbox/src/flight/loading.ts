import { type DurationInput, toDuration } from '@hitbox/core'
import { type LifeInput, withTags } from '../policy.ts'

/** What a loader is given. Its functions have effect until the load has ended, and may be taken out of it. */
export interface LoadContext<Previous = unknown> {
  /** Aborted when nobody waits any more, at `hardTimeout`, and when the cache closes without waiting. */
  readonly signal: AbortSignal
  /** The old value there was, for a load that can tell whether it still holds. */
  readonly previous: { readonly value: Previous; readonly ageMs: number | undefined } | undefined
  /** Decides from the value how long it lives; `0` stores nothing. */
  readonly setTtl: (ttl: LifeInput) => void
  /** Decides when it should be made anew. */
  readonly setStaleAfter: (staleAfter: LifeInput) => void
  /** Adds tags that only the value tells, to those of the call: names, or lists of them. */
  readonly setTags: (...tags: readonly (string | readonly string[])[]) => void
  /** The callers get the value, and it is not stored. */
  readonly doNotStore: () => void
}

/** Makes the value of a key. What it throws reaches its callers as it is. */
export type Loader<T = unknown, Previous = unknown> = (
  context: LoadContext<Previous>,
) => T | PromiseLike<T>

/** The cache's side of a {@link LoadContext}. */
export class Loading implements LoadContext {
  readonly previous: LoadContext['previous']
  ttlMs: number | undefined
  staleAfterMs: number | undefined
  stored = true
  /** Names of the versions of its tags. */
  tags: readonly string[] = []
  /** Told of them as they come, so that who comes after an invalidation need not wait for the end of this load. */
  onTags: ((tags: readonly string[]) => void) | undefined
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined

  constructor(previous: LoadContext['previous']) {
    this.previous = previous
  }

  /** Made when it is asked for: most loaders do not. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  readonly setTtl = (ttl: LifeInput): void => {
    this.ttlMs = toDuration(ttl as DurationInput, 'ttl')
  }

  readonly setStaleAfter = (staleAfter: LifeInput): void => {
    this.staleAfterMs = toDuration(staleAfter as DurationInput, 'staleAfter')
  }

  readonly setTags = (...tags: readonly (string | readonly string[])[]): void => {
    this.tags = withTags(this.tags, tags.flat())
    this.onTags?.(this.tags)
  }

  readonly doNotStore = (): void => {
    this.stored = false
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return
    this.#aborted = { reason }
    this.#controller?.abort(reason)
  }
}
