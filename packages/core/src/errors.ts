const BRAND = '~hitbox/CacheError'

/** One tier's part in a failure that several tiers share. */
export interface TierFailure {
  /** Label path of the tier, for example `'tiers.redis'`. */
  readonly source: string
  readonly error: unknown
}

/** Every failure this family of packages can raise, with the facts that travel with it. */
export interface CacheErrorDetails {
  /** An option was missing, misspelt or out of range. Thrown when something is created, or by the call that took the option. */
  INVALID_OPTION: { readonly option: string; readonly value: unknown }
  /** A key was empty or of a kind that has no canonical text. */
  INVALID_KEY: { readonly reason: string }
  /** A value cannot be kept faithfully by the chosen format; `path` says where in the value. */
  ENCODE_FAILED: { readonly format: string; readonly path?: string | undefined }
  /** Bytes could not be turned back into a value. Inside a backend this becomes a miss; it reaches only who decodes by hand. */
  DECODE_FAILED: { readonly format: string }
  /** A value, or what it decompresses to, is larger than the limit. Sizes in bytes. */
  TOO_LARGE: { readonly bytes: number; readonly maxBytes: number }
  /** The store behind a backend refused or lost the operation; `cause` is the driver's own error. */
  BACKEND_FAILED: { readonly source: string; readonly operation: Operation }
  /** An operation did not settle in its time. Its outcome in the store is unknown. */
  TIMEOUT: { readonly source: string; readonly operation: Operation; readonly timeoutMs: number }
  /** A circuit breaker is open: the backend was not asked. */
  CIRCUIT_OPEN: { readonly source: string; readonly retryInMs: number }
  /** A concurrency bound and its queue are full: the backend was not asked. */
  OVERLOADED: {
    readonly source: string
    readonly maxConcurrent: number
    readonly maxQueued: number
  }
  /** Every tier of a composition failed the operation; `failures` lists each in the order of the tiers. */
  BOTH_TIERS_FAILED: {
    readonly source: string
    readonly operation: Operation
    readonly failures: readonly TierFailure[]
  }
  /** This runtime or server lacks what the option asks for. */
  UNSUPPORTED: { readonly feature: string }
  /** The cache or backend was used after it was closed. */
  CLOSED: { readonly source: string }
}

/** What was being done when an operation failed. */
export type Operation = 'connect' | 'read' | 'write' | 'remove'

/** What went wrong, as one word. Stable: new ones may be added, and none changes its meaning. */
export type CacheErrorCode = keyof CacheErrorDetails

/**
 * The one error class of the framework. Tell failures apart by `code`, not by class:
 * two copies of a package in one process still agree on codes, but not on `instanceof`.
 *
 * @example
 * ```ts
 * import { CacheError } from '@hitbox/core'
 *
 * export function isSlow(error: unknown): boolean {
 *   return CacheError.is(error, 'TIMEOUT') && error.details.timeoutMs > 100
 * }
 * ```
 */
export class CacheError<Code extends CacheErrorCode = CacheErrorCode> extends Error {
  override readonly name: string = 'CacheError'
  readonly code: Code
  readonly details: CacheErrorDetails[Code]

  constructor(
    code: Code,
    message: string,
    options: { readonly details: CacheErrorDetails[Code]; readonly cause?: unknown },
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details
  }

  /** Marks the error across copies of the package; on the prototype, so it never shows when logged. */
  get '~hitbox/CacheError'(): true {
    return true
  }

  /** Whether `error` came from this family, and (when `code` is given) carries that code. */
  static is(error: unknown): error is AnyCacheError
  static is<Code extends CacheErrorCode>(error: unknown, code: Code): error is CacheError<Code>
  static is(error: unknown, code?: CacheErrorCode): boolean {
    if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
    return code === undefined || (error as CacheError).code === code
  }
}

/** Any of them, as a union that `switch (error.code)` can narrow. */
export type AnyCacheError = { [Code in CacheErrorCode]: CacheError<Code> }[CacheErrorCode]
