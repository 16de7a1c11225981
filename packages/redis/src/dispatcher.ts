import {
  CacheError,
  type Clock,
  Deadlines,
  isPromise,
  type MaybePromise,
  type Operation,
} from '@hitbox/core'
import { failureOf, isLoss, replyCode, timeoutOf } from './failure.ts'
import type { Line, Waiter } from './line.ts'
import type { Session } from './session.ts'
import { Timed, Timeouts } from './timeouts.ts'

/** What an operation does with a connection. May be done again, on another one, after a loss. */
export interface Exchange<R, Replies = unknown> {
  /** Sends what there is to send, all at once. */
  send(session: Session): Promise<Replies>
  /** Makes an answer of the replies, or asks on. */
  take(replies: Replies, session: Session): MaybePromise<R>
}

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
  readonly #timeouts: Timeouts
  #pending = 0
  #drained: (() => void) | undefined

  constructor(settings: DispatcherSettings) {
    this.settings = settings
    this.#timeouts = new Timeouts(settings.clock, settings.responseTimeoutMs)
  }

  /**
   * @param weight - Commands it stands for. A batch is let in whole while there is room for one.
   * @throws {@link CacheError} rejects with `TIMEOUT`, `OVERLOADED`, `BACKEND_FAILED` or `CLOSED`.
   */
  run<R, Replies>(
    operation: Operation,
    line: Line,
    exchange: Exchange<R, Replies>,
    weight = 1,
  ): Promise<R> {
    if (this.#pending >= this.settings.maxPending) return Promise.reject(this.#overloaded())
    this.#pending += weight
    return new Promise((resolve, reject) => {
      const run = new Run(this, operation, line, exchange, weight, resolve, reject)
      this.#timeouts.add(run)
      run.attempt()
    })
  }

  /** Called when nothing of an operation is under way any more, which may be after its time. */
  over(run: Timed, weight: number): void {
    this.#timeouts.remove(run)
    this.#pending -= weight
    if (this.#pending === 0) this.#drained?.()
  }

  /** Resolves when nothing is under way any more, at the latest after `responseTimeout`. */
  async idle(): Promise<void> {
    if (this.#pending === 0) return
    const drained = new Promise<void>((resolve) => {
      this.#drained = resolve
    })
    const { clock, responseTimeoutMs } = this.settings
    const late = (): Error => new Error('not idle in time')
    await new Deadlines(clock, responseTimeoutMs).race(drained, late).catch(() => undefined) // then it is ended by force
  }

  #overloaded(): CacheError<'OVERLOADED'> {
    const { label: source, maxPending } = this.settings
    const message = `backend "${source}" has ${this.#pending} commands under way, which is all that "maxPending" allows`
    const details = { source, maxConcurrent: maxPending, maxQueued: 0 }
    return new CacheError('OVERLOADED', message, { details })
  }
}

/** One operation on its way. */
class Run<R, Replies> extends Timed {
  readonly #dispatcher: Dispatcher
  readonly #operation: Operation
  readonly #line: Line
  readonly #exchange: Exchange<R, Replies>
  readonly #weight: number
  readonly #resolve: (answer: R) => void
  readonly #reject: (error: unknown) => void
  #session: Session | undefined
  #waiter: Waiter | undefined
  #retries: number
  /** When the command was sent, where that was not at the beginning. */
  #sentAt = Number.NEGATIVE_INFINITY
  #expired = false

  constructor(
    dispatcher: Dispatcher,
    operation: Operation,
    line: Line,
    exchange: Exchange<R, Replies>,
    weight: number,
    resolve: (answer: R) => void,
    reject: (error: unknown) => void,
  ) {
    super()
    this.#dispatcher = dispatcher
    this.#operation = operation
    this.#line = line
    this.#exchange = exchange
    this.#weight = weight
    this.#resolve = resolve
    this.#reject = reject
    this.#retries = dispatcher.settings.retries
  }

  attempt(): void {
    const { session } = this.#line
    if (session === undefined) this.#connect()
    else this.#send(session)
  }

  expire(): void {
    const { label, responseTimeoutMs } = this.#dispatcher.settings
    const error = timeoutOf(label, this.#operation, responseTimeoutMs)
    this.#expired = true
    this.#reject(error)
    const session = this.#session
    if (this.#waiter !== undefined) {
      this.#line.leave(this.#waiter)
      this.#end()
    } else if (session !== undefined) {
      // The answer may be here already, behind the work that kept this process from reading it; then the connection is sound.
      setImmediate(() => {
        if (this.#session === session && this.#hadItsTime()) this.#line.drop(session, error)
      })
    }
  }

  /** Whether the server is to blame, and not a command that was sent shortly before the end, after a wait for the connection. */
  #hadItsTime(): boolean {
    const { clock, responseTimeoutMs } = this.#dispatcher.settings
    return this.#sentAt <= clock.now() - responseTimeoutMs / 2
  }

  #send(session: Session): void {
    this.#session = session
    this.#exchange.send(session).then(this.#take, this.#fail)
  }

  #connect(): void {
    const { clock } = this.#dispatcher.settings
    const accept = (session: Session): void => {
      this.#waiter = undefined
      this.#sentAt = clock.now()
      this.#send(session)
    }
    const reject = (error: unknown): void => {
      this.#waiter = undefined
      this.#giveUp(error)
    }
    this.#waiter = { since: clock.now(), accept, reject }
    this.#line.join(this.#waiter)
  }

  readonly #take = (replies: Replies): void => {
    try {
      const answer = this.#exchange.take(replies, this.#session as Session)
      if (isPromise(answer)) answer.then(this.#finish, this.#fail)
      else this.#finish(answer)
    } catch (error) {
      this.#fail(error)
    }
  }

  readonly #finish = (answer: R): void => {
    this.#end()
    this.#resolve(answer)
  }

  readonly #fail = (error: unknown): void => {
    if (!this.#expired && this.#retries > 0 && isLoss(error)) {
      this.#retries -= 1
      this.#session = undefined
      this.#sentAt = this.#dispatcher.settings.clock.now()
      return this.attempt()
    }
    if (this.#session !== undefined && replyCode(error) === 'READONLY') {
      this.#line.demoted(this.#session)
    }
    this.#giveUp(error)
  }

  #giveUp(error: unknown): void {
    this.#end()
    this.#reject(failureOf(this.#dispatcher.settings.label, this.#operation, error))
  }

  #end(): void {
    this.#session = undefined
    this.#dispatcher.over(this, this.#weight)
  }
}
