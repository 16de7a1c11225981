import type { Line, Waiter } from '../line.ts'
import type { Tracking } from '../coherence/tracking.ts'
import type { ServerTime } from '../server-time.ts'
import type { SessionFacts } from '../session-facts.ts'
import type { Reply, Session, Word } from '../session.ts'

/** A node that has a key which is on its way there, and answers for it only when told that the asker knows. */
export class AskLine implements Line {
  readonly droppable = true
  readonly #line: Line
  readonly #waiters = new Map<Waiter, Waiter>()

  constructor(line: Line) {
    this.#line = line
  }

  get session(): Session | undefined {
    const { session } = this.#line
    return session === undefined ? undefined : new AskingSession(session)
  }

  join(waiter: Waiter): void {
    const forward: Waiter = {
      since: waiter.since,
      asks: waiter.asks,
      accept: (session) => {
        this.#waiters.delete(waiter)
        waiter.accept(new AskingSession(session))
      },
      reject: (error) => {
        this.#waiters.delete(waiter)
        waiter.reject(error)
      },
    }
    this.#waiters.set(waiter, forward)
    this.#line.join(forward)
  }

  leave(waiter: Waiter): void {
    const forward = this.#waiters.get(waiter)
    this.#waiters.delete(waiter)
    if (forward !== undefined) this.#line.leave(forward)
  }

  suspect(session: Session): void {
    this.#line.suspect(baseOf(session))
  }

  trust(session: Session): void {
    this.#line.trust(baseOf(session))
  }

  drop(session: Session, error: unknown): void {
    this.#line.drop(baseOf(session), error)
  }

  demoted(): void {
    // The key is on its way; where it belongs is told by the next redirection.
  }

  doubt(): void {
    this.#line.doubt()
  }
}

class AskingSession implements Session {
  readonly base: Session
  readonly time: ServerTime
  readonly facts: SessionFacts
  readonly tracking: Tracking

  constructor(base: Session) {
    this.base = base
    this.time = base.time
    this.facts = base.facts
    this.tracking = base.tracking
  }

  send(words: readonly Word[]): Promise<Reply> {
    this.#ask()
    return this.base.send(words)
  }

  transaction(commands: readonly (readonly Word[])[]): Promise<readonly Reply[]> {
    this.#ask()
    return this.base.transaction(commands)
  }

  subscribe(channel: string, listener: (message: Buffer) => void): Promise<void> {
    return this.base.subscribe(channel, listener)
  }

  keepTime(): void {
    this.base.keepTime()
  }

  firstSample(): Promise<void> {
    return this.base.firstSample()
  }

  askTime(): Promise<number | undefined> {
    return this.base.askTime()
  }

  end(): void {
    this.base.end()
  }

  /** Holds for the next command only, or for a whole transaction. What comes of it shows in the answer to that. */
  #ask(): void {
    this.base.send(['ASKING']).catch(() => undefined)
  }
}

function baseOf(session: Session): Session {
  return session instanceof AskingSession ? session.base : session
}
