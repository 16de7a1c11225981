import type { Session } from './session.ts'

/** Somebody who waits for a connection. */
export interface Waiter {
  /** When it began to wait; only an attempt that began no earlier may disappoint it. */
  readonly since: number
  accept(session: Session): void
  reject(error: unknown): void
}

/** Where the commands for a key go. */
export interface Line {
  /** The connection, while there is one. */
  readonly session: Session | undefined
  /** Sees to it that there will be one: exactly one method of `waiter` is called, unless it leaves. */
  join(waiter: Waiter): void
  leave(waiter: Waiter): void
  /** Gives up a connection on which a command was not answered. Does nothing to a younger one. */
  drop(session: Session, error: unknown): void
  /** The server behind it answered that it takes no writes; another connection may lead to one that does. */
  demoted(session: Session): void
}
