import { CacheError, type Clock, Deadlines, type Operation } from '@hitbox/core'
import { failureOf, isLoss, replyCode, timeoutOf } from './failure.ts'
import type { Line, Waiter } from './line.ts'
import type { Session } from './session.ts'

/** What an operation does with a connection: sends, and makes an answer of the replies. May be asked again after a loss. */
export type Exchange<R> = (session: Session) => Promise<R>

export interface DispatcherSettings {
  readonly label: string
  readonly clock: Clock
  readonly responseTimeoutMs: number
  readonly retries: number
  readonly maxPending: number
}

/**
 * Runs operations: each settles within `responseTimeout`, whatever happens to the connection, the wait for it included.
 * The number of those under way is bounded, so that a server that stands still costs no memory.
 */
export class Dispatcher {
  readonly settings: DispatcherSettings
  readonly #deadlines: Deadlines
  #pending = 0
  #drained: (() => void) | undefined

  constructor(settings: DispatcherSettings) {
    this.settings = settings
    this.#deadlines = new Deadlines(settings.clock, settings.responseTimeoutMs)
  }

  /** Commands that were not answered yet. */
  get pending(): number {
    return this.#pending
  }

  /**
   * @param weight - Commands it stands for. A batch is let in whole while there is room for one.
   * @throws {@link CacheError} rejects with `TIMEOUT`, `OVERLOADED`, `BACKEND_FAILED` or `CLOSED`.
   */
  run<R>(operation: Operation, line: Line, exchange: Exchange<R>, weight = 1): Promise<R> {
    if (this.#pending >= this.settings.maxPending) return Promise.reject(this.#overloaded())
    this.#pending += weight
    const run = new Run(this, operation, line, exchange, weight)
    return this.#deadlines.race(run.attempt(), run.late)
  }

  settled(weight: number): void {
    this.#pending -= weight
    if (this.#pending === 0) this.#drained?.()
  }

  /** Resolves when nothing is under way any more, at the latest after `responseTimeout`. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    const tooLong = new Error('not idle in time')
    await this.#deadlines.race(drained, () => tooLong).catch(() => undefined) // then it is ended by force
  }

  #overloaded(): CacheError<'OVERLOADED'> {
    const { label: source, maxPending } = this.settings
    const message = `backend "${source}" has ${this.#pending} commands under way, more than "maxPending" lets wait`
    const details = { source, maxConcurrent: maxPending, maxQueued: 0 }
    return new CacheError('OVERLOADED', message, { details })
  }
}

/** One operation on its way. */
class Run<R> {
  readonly #dispatcher: Dispatcher
  readonly #operation: Operation
  readonly #line: Line
  readonly #exchange: Exchange<R>
  readonly #weight: number
  #session: Session | undefined
  #waiter: Waiter | undefined
  #retries: number
  /** When the command was sent, where that was not at the beginning. */
  #sentAt = Number.NEGATIVE_INFINITY
  #over = false

  constructor(
    dispatcher: Dispatcher,
    operation: Operation,
    line: Line,
    exchange: Exchange<R>,
    weight: number,
  ) {
    this.#dispatcher = dispatcher
    this.#operation = operation
    this.#line = line
    this.#exchange = exchange
    this.#weight = weight
    this.#retries = dispatcher.settings.retries
  }

  attempt(): Promise<R> {
    const { session } = this.#line
    const answer = session === undefined ? this.#connect() : this.#on(session)
    return answer.then(this.#done, this.#failed)
  }

  /** What happens when the time is over. @returns what to reject with. */
  readonly late = (): Error => {
    const { label, responseTimeoutMs } = this.#dispatcher.settings
    const error = timeoutOf(label, this.#operation, responseTimeoutMs)
    this.#over = true
    const waiter = this.#waiter
    const session = this.#session
    if (waiter !== undefined) {
      this.#line.leave(waiter)
      waiter.reject(error)
    } else if (session !== undefined) {
      // The answer may be here already, behind the work that kept this process from reading it; then the connection is sound.
      setImmediate(() => {
        if (this.#session === session && this.#hadItsTime()) this.#line.drop(session, error)
      })
    }
    return error
  }

  /** Whether the server is to blame, and not a command that was sent shortly before the end, after a wait for the connection. */
  #hadItsTime(): boolean {
    const { clock, responseTimeoutMs } = this.#dispatcher.settings
    return this.#sentAt <= clock.now() - responseTimeoutMs / 2
  }

  #on(session: Session): Promise<R> {
    this.#session = session
    return this.#exchange(session)
  }

  #connect(): Promise<R> {
    return new Promise<Session>((resolve, reject) => {
      const since = this.#dispatcher.settings.clock.now()
      this.#waiter = { since, accept: resolve, reject }
      this.#line.join(this.#waiter)
    }).then(
      (session) => {
        this.#waiter = undefined
        this.#sentAt = this.#dispatcher.settings.clock.now()
        return this.#on(session)
      },
      (error: unknown) => {
        this.#waiter = undefined
        throw failureOf(this.#dispatcher.settings.label, this.#operation, error)
      },
    )
  }

  readonly #done = (answer: R): R => {
    this.#session = undefined
    this.#dispatcher.settled(this.#weight)
    return answer
  }

  readonly #failed = (error: unknown): Promise<R> => {
    const session = this.#session
    this.#session = undefined
    if (!this.#over && this.#retries > 0 && isLoss(error)) {
      this.#retries -= 1
      this.#sentAt = this.#dispatcher.settings.clock.now()
      return this.attempt()
    }
    if (session !== undefined && replyCode(error) === 'READONLY') this.#line.demoted(session)
    this.#dispatcher.settled(this.#weight)
    throw failureOf(this.#dispatcher.settings.label, this.#operation, error)
  }
}
