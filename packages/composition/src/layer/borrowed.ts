import type { CacheBackend } from '@hitbox/core'
import { checkBackend, LayeredBackend } from './layered-backend.ts'

/**
 * The same backend for somebody who must not close it: closing what this returns ends the loan and leaves the backend open.
 * For a tier that several compositions share.
 *
 * @example
 * ```ts
 * import { borrowed, compose } from '@hitbox/composition'
 * import type { CacheBackend } from '@hitbox/core'
 *
 * export const withSharedStore = (memory: CacheBackend, store: CacheBackend): CacheBackend =>
 *   compose(memory, borrowed(store))
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when `backend` is none.
 */
export function borrowed(backend: CacheBackend): CacheBackend {
  const inner = checkBackend('backend', backend)
  return new LayeredBackend(
    inner,
    { one: (_, run) => run(), many: (_verb, _count, run) => run() },
    false,
  )
}
