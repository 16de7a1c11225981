import { CacheError } from '@hitbox/core'

/** How long a read waits to learn again what it knows already, before it goes by that. */
export const PATIENCE_MS = 100

/** Resolves when what is there has been read. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/** Why a wait for versions was given up. */
export function impatient(): CacheError<'TIMEOUT'> {
  const details = { source: 'versions', operation: 'read', timeoutMs: PATIENCE_MS } as const
  return new CacheError('TIMEOUT', 'versions are late', { details })
}
