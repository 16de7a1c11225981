import { isPromise, type Operation } from '@hitbox/core'
import type { Dispatcher, RunTerms } from './dispatcher.ts'
import type { Exchange } from './exchange.ts'
import { failureOf, isLoss, replyCode, timeoutOf } from './failure.ts'
import type { Line, Route, Waiter } from './line.ts'
import type { Session } from './session.ts'
import { Timed } from './timeouts.ts'

/** How often an operation follows a key that has moved, lest nodes that disagree send it back and forth for all of its time. */
export const MOST_HOPS = 5

/** One operation on its way. */
export class Run<R, Replies> extends Timed {
  readonly #dispatcher: Dispatcher
  readonly #operation: Operation
  readonly #route: Route
  readonly #exchange: Exchange<R, Replies>
  readonly #weight: number
  readonly #asks: boolean
  readonly #resolve: (answer: R) => void
  readonly #reject: (error: unknown) => void
  #line: Line | undefined
  /** Where the command was sent, until it is answered. */
  #session: Session | undefined
  /** Whether the server has said something, though there may be more to ask. */
  #answered = false
  #waiter: Waiter | undefined
  #retries: number
  #hops = MOST_HOPS
  /** When the command was sent, where that was not at the beginning. */
  #sentAt = Number.NEGATIVE_INFINITY
  #expired = false
  #counted = true

  constructor(
    dispatcher: Dispatcher,
    operation: Operation,
    route: Route,
    exchange: Exchange<R, Replies>,
    { weight = 1, asks = false, retries = dispatcher.settings.retries }: RunTerms,
    resolve: (answer: R) => void,
    reject: (error: unknown) => void,
  ) {
    super()
    this.#dispatcher = dispatcher
    this.#operation = operation
    this.#route = route
    this.#exchange = exchange
    this.#weight = weight
    this.#asks = asks
    this.#retries = retries
    this.#resolve = resolve
    this.#reject = reject
  }

  attempt(line: Line = this.#route.line()): void {
    this.#line = line
    const { session } = line
    if (session === undefined) this.#connect(line)
    else this.#send(session)
  }

  linger(): void {
    this.#line?.doubt()
  }

  expire(): void {
    const { label, responseTimeoutMs } = this.#dispatcher.settings
    const error = timeoutOf(label, this.#operation, responseTimeoutMs)
    this.#expired = true
    this.#reject(error)
    const session = this.#session
    const line = this.#line
    if (this.#waiter !== undefined) {
      line?.leave(this.#waiter)
      this.#end()
    } else if (session !== undefined) {
      if (line?.droppable === true) this.#uncount()
      if (this.#hadItsTime()) this.#look(line, session, error)
    }
  }

  /** The answer may be here already, behind the work that kept this process from reading it; then the connection is sound. */
  #look(line: Line | undefined, session: Session, error: Error): void {
    line?.suspect(session)
    setImmediate(() => {
      if (this.#session === session && !this.#answered) line?.drop(session, error)
      else line?.trust(session)
    })
  }

  /** Whether the server is to blame, and not a command that was sent shortly before the end, after a wait for the connection. */
  #hadItsTime(): boolean {
    const { clock, responseTimeoutMs } = this.#dispatcher.settings
    return this.#sentAt <= clock.now() - responseTimeoutMs / 2
  }

  #send(session: Session): void {
    this.#session = session
    this.#answered = false
    this.#exchange.send(session).then(this.#take, this.#fail)
  }

  #connect(line: Line): void {
    const { clock } = this.#dispatcher.settings
    const accept = (session: Session): void => {
      this.#waiter = undefined
      this.#sentAt = clock.now()
      this.#send(session)
    }
    const reject = (error: unknown): void => {
      this.#waiter = undefined
      if (!this.#follow()) this.#giveUp(error)
    }
    this.#waiter = { since: clock.now(), asks: this.#asks, accept, reject }
    line.join(this.#waiter)
  }

  readonly #take = (replies: Replies): void => {
    this.#answered = true
    try {
      const answer = this.#exchange.take(replies, this.#session as Session)
      if (isPromise(answer)) answer.then((later) => this.#finish(later), this.#fail)
      else this.#finish(answer)
    } catch (error) {
      this.#fail(error)
    }
  }

  #finish(answer: R): void {
    this.#end()
    this.#resolve(answer)
  }

  readonly #fail = (error: unknown): void => {
    const line = this.#line as Line
    const session = this.#session as Session
    if (this.#expired) return this.#giveUp(error)
    const elsewhere = this.#hops > 0 ? this.#route.redirect(error, line) : undefined
    if (elsewhere !== undefined) return this.#again(elsewhere)
    if (isLoss(error)) {
      if (this.#follow()) return
      if (this.#retries > 0) {
        this.#retries -= 1
        return this.#again(line)
      }
    } else if (replyCode(error) === 'READONLY') line.demoted(session)
    this.#giveUp(error)
  }

  /** Goes on where the key is now, if that is somewhere else. */
  #follow(): boolean {
    if (this.#expired || this.#hops === 0) return false
    const line = this.#route.line()
    if (line === this.#line) return false
    this.#again(line)
    return true
  }

  #again(line: Line): void {
    if (line !== this.#line) this.#hops -= 1
    this.#session = undefined
    this.#sentAt = this.#dispatcher.settings.clock.now()
    this.attempt(line)
  }

  #giveUp(error: unknown): void {
    this.#end()
    this.#reject(failureOf(this.#dispatcher.settings.label, this.#operation, error))
  }

  #end(): void {
    this.#session = undefined
    this.#uncount()
  }

  #uncount(): void {
    if (!this.#counted) return
    this.#counted = false
    this.#dispatcher.over(this, this.#weight)
  }
}
