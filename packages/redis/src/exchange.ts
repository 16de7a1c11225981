import type { MaybePromise } from '@hitbox/core'
import type { Session } from './session.ts'

/** What an operation does with a connection. May be done again, on another one, after a loss. */
export interface Exchange<R, Replies = unknown> {
  /** Sends what there is to send, all at once. */
  send(session: Session): Promise<Replies>
  /** Makes an answer of the replies, or asks on. */
  take(replies: Replies, session: Session): MaybePromise<R>
}
