import type { Session } from '../session.ts'

/** Begins every stamp: says how to read the rest. */
const MARK = 'h1'
const PAIR = /^([0-9a-f]{16})-([0-9a-z]{1,11})$/
/** When the time of a server is not known: no server has ever got so far. */
const NEVER_MS = 36 ** 10

/** Says how far servers have got: for each its memory, and the latest that its time can be. @param now - On this process's clock. */
export function stampOf(sessions: Iterable<Session | undefined>, now: number): string {
  // Every write has one, read by hardly anybody: no lists on the way.
  let stamp = MARK
  for (const session of sessions) {
    const epochText = session?.facts.epochText
    if (session === undefined || epochText === undefined) continue
    const ms = Math.ceil(session.time.latest(now) ?? NEVER_MS)
    stamp += `.${epochText}-${ms.toString(36)}`
  }
  return stamp
}

/**
 * Whether all servers in a stamp have told, on one of these connections each, what happened before.
 *
 * @param sessions - Those on which changes are told.
 */
export function isReached(stamp: string, sessions: readonly Session[]): boolean {
  if (typeof stamp !== 'string') return false
  const [mark, ...pairs] = stamp.split('.')
  if (mark !== MARK) return false
  return pairs.every((pair) => {
    const [, epochText, at = ''] = PAIR.exec(pair) ?? []
    if (epochText === undefined) return false
    const ms = Number.parseInt(at, 36)
    return sessions.some(
      ({ facts, tracking }) => facts.epochText === epochText && tracking.toldAt >= ms,
    )
  })
}
