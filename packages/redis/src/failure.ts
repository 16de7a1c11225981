import { CacheError, type Operation } from '@hitbox/core'
import { ErrorReply } from '@redis/client'

const VERBS = {
  connect: 'connect',
  read: 'read an entry',
  write: 'write an entry',
  remove: 'remove an entry',
} as const satisfies Record<Operation, string>

/** Whether a server answered this; recognised by name too, since a client that is passed in may come with classes of its own. */
function isReply(error: unknown): error is Error {
  if (error instanceof ErrorReply) return true
  if (!(error instanceof Error)) return false
  const base: unknown = Object.getPrototypeOf(error.constructor)
  return typeof base === 'function' && base.name === ErrorReply.name
}

/** Whether the connection failed rather than the command: the server did not answer it. */
export function isLoss(error: unknown): boolean {
  return !isReply(error) && !(error instanceof TypeError) && !CacheError.is(error)
}

/** The word an error reply begins with, for example `LOADING`; `undefined` for other errors. */
export function replyCode(error: unknown): string | undefined {
  if (!isReply(error)) return undefined
  return /^[A-Z]+(?= |$)/.exec(error.message)?.[0]
}

/** The failure of an operation as the caller gets it. The server's words are in `cause` only: they may repeat a key. */
export function failureOf(source: string, operation: Operation, cause: unknown): CacheError {
  if (CacheError.is(cause)) return cause
  return new CacheError(
    'BACKEND_FAILED',
    `backend "${source}" failed to ${VERBS[operation]}: ${reasonOf(cause)}`,
    { details: { source, operation }, cause },
  )
}

export function timeoutOf(
  source: string,
  operation: Operation,
  timeoutMs: number,
): CacheError<'TIMEOUT'> {
  const message = `backend "${source}" did not ${VERBS[operation]} within ${timeoutMs} ms`
  return new CacheError('TIMEOUT', message, { details: { source, operation, timeoutMs } })
}

function reasonOf(cause: unknown): string {
  if (isReply(cause)) return `the server answered ${replyCode(cause) ?? 'an error'}`
  if (cause instanceof TypeError) return 'the command could not be sent'
  const code: unknown = (cause as { readonly code?: unknown } | undefined | null)?.code
  return `there is no connection${typeof code === 'string' ? ` (${code})` : ''}`
}
