import type { Session } from './session.ts'

/** Somebody who waits for a connection. */
export interface Waiter {
  /** When it began to wait; only an attempt that began no earlier may disappoint it. */
  readonly since: number
  /** Whether it is itself the one who asks where to go, and so cannot wait for the answer. */
  readonly asks: boolean
  accept(session: Session): void
  reject(error: unknown): void
}

/** A place that commands go to. */
export interface Line {
  /** The connection, while there is one. */
  readonly session: Session | undefined
  /** Sees to it that there will be one: exactly one method of `waiter` is called, unless it leaves. */
  join(waiter: Waiter): void
  leave(waiter: Waiter): void
  /** Whether {@link Line.drop} frees what was sent. */
  readonly droppable: boolean
  /** A command was not answered in time: until that is looked into, which takes a turn of the event loop, nobody shall follow it. */
  suspect(session: Session): void
  /** The suspicion was wrong. */
  trust(session: Session): void
  /** Gives up a connection on which a command was not answered. Does nothing to a younger one. */
  drop(session: Session, error: unknown): void
  /** The server behind it answered that it takes no writes; another connection may lead to one that does. */
  demoted(session: Session): void
  /** A command waits suspiciously long: if somebody can be asked whether this is still the place to go to, they should be. */
  doubt(): void
}

/** How to find the line for a key, which may be another one the next time. */
export interface Route {
  line(): Line
  /** Where the command should go instead, if that is what the error says. */
  redirect(error: unknown, from: Line): Line | undefined
}
