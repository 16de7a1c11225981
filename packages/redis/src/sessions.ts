import type { Line } from './line.ts'
import type { Session } from './session.ts'

/** Told of the connections of a backend. */
export interface SessionObserver {
  /** There is a connection, which nobody has used yet. */
  up?(line: Line, session: Session): void
  /** It is not used any more. */
  down?(line: Line, session: Session): void
  /** Its line will have no other. */
  gone?(line: Line): void
  /** Keys belong to another line than before. */
  moved?(): void
  /** The server told that a key was changed; `null`: all. */
  told?(key: string | Buffer | null): void
}

/** The connections of one backend, and who wants to know of them. */
export class Sessions {
  /** What new connections are to do: nothing, be tracked where that is to be had, or be refused where it is not. */
  tracking: 'unwanted' | 'wanted' | 'demanded' = 'unwanted'
  /** Of each line the connection it has or had last. */
  readonly last: Map<Line, Session> = new Map()
  /** Those that are there, with their lines. */
  readonly live: Map<Session, Line> = new Map()
  readonly #observers: SessionObserver[] = []

  observe(observer: SessionObserver): void {
    this.#observers.push(observer)
  }

  up(line: Line, session: Session): void {
    this.last.set(line, session)
    this.live.set(session, line)
    for (const observer of this.#observers) observer.up?.(line, session)
  }

  down(line: Line, session: Session): void {
    if (!this.live.delete(session)) return
    for (const observer of this.#observers) observer.down?.(line, session)
  }

  gone(line: Line): void {
    this.last.delete(line)
    for (const observer of this.#observers) observer.gone?.(line)
  }

  moved(): void {
    for (const observer of this.#observers) observer.moved?.()
  }

  told(session: Session, key: string | Buffer | null): void {
    if (session.tracking.isProbe(key)) return
    for (const observer of this.#observers) observer.told?.(key)
  }
}
