import type { ConnectionOptions } from 'node:tls'
import { invalidOption } from '@hitbox/core'

/**
 * Reads a `tls` option.
 *
 * @param urlSaysTls - Whether a url asks for TLS.
 * @returns options of `tls.connect`, or `undefined` for no TLS.
 * @throws {@link CacheError} `INVALID_OPTION`.
 */
export function tlsOptions(tls: unknown, urlSaysTls: boolean): ConnectionOptions | undefined {
  if (tls === false && urlSaysTls) {
    throw invalidOption('tls', 'true or options, since the url says rediss', tls)
  }
  if (typeof tls === 'object' && tls !== null) return { ...tls }
  if (tls === undefined || typeof tls === 'boolean') return (tls ?? urlSaysTls) ? {} : undefined
  throw invalidOption('tls', 'true, false or options of tls.connect', tls)
}
