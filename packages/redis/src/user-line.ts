import { closedError } from '@hitbox/core'
import { RESP_TYPES } from '@redis/client'
import { askFacts } from './greeting.ts'
import type { Line, Waiter } from './line.ts'
import type { LinkSettings } from './link.ts'
import type { SessionFacts } from './session-facts.ts'
import { ClientSession, type Session, type Word } from './session.ts'
import { StateReport } from './state-report.ts'

/** What is used of a client of node-redis. */
export interface RedisClientLike {
  readonly isOpen: boolean
  readonly isReady: boolean
  /** Sends one command, and resolves with its reply. */
  sendCommand(words: readonly (string | Buffer)[], options?: object): Promise<unknown>
  /** Told of `ready`, `error` and `end`. */
  on(event: string, listener: (...args: unknown[]) => void): unknown
  /** The reverse of {@link RedisClientLike.on}. */
  off(event: string, listener: (...args: unknown[]) => void): unknown
}

/** Of its own options, those that concern replies; the client's own timeout would make a signal for every command. */
const SEND_OPTIONS = Object.freeze({
  timeout: 0,
  typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
})

/** The connection of somebody else's client: used while it is there, waited for while it is not, never touched. */
export class UserLine implements Line {
  readonly droppable = false
  readonly #client: RedisClientLike
  readonly #settings: LinkSettings
  readonly #state: StateReport
  readonly #waiters = new Set<Waiter>()
  /** On the connection as it is; whoever sends on it has heard what the server said of itself. */
  #session: ClientSession
  #greeting: Promise<void> | undefined
  #greeted = false

  constructor(client: RedisClientLike, settings: LinkSettings) {
    this.#client = client
    this.#settings = settings
    this.#state = new StateReport(settings.label, settings.reporter)
    this.#session = this.#newSession()
    client.on('ready', this.#onReady)
    client.on('error', this.#onError)
    client.on('end', this.#onEnd)
  }

  get session(): Session | undefined {
    return this.#greeted && this.#client.isReady ? this.#session : undefined
  }

  join(waiter: Waiter): void {
    const { session } = this
    if (session !== undefined) return waiter.accept(session)
    if (!this.#client.isOpen) {
      return waiter.reject(new Error('the client that was passed in is not open'))
    }
    this.#waiters.add(waiter)
    if (this.#client.isReady) this.#greet()
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  suspect(): void {
    // Not ours to set aside.
  }

  trust(): void {
    // Nor was it.
  }

  drop(): void {
    // Not ours to end.
  }

  demoted(): void {
    // Not ours to replace.
  }

  doubt(): void {
    // There is nobody to ask.
  }

  close(): void {
    this.#client.off('ready', this.#onReady)
    this.#client.off('error', this.#onError)
    this.#client.off('end', this.#onEnd)
    this.#settings.sessions.down(this, this.#session)
    this.#rejectWaiters(closedError(this.#settings.label))
  }

  readonly #onReady = (): void => {
    // Perhaps another server, with another clock and another memory.
    this.#renew()
    this.#state.report('up')
    if (this.#waiters.size > 0) this.#greet()
  }

  readonly #onError = (error: unknown): void => {
    if (this.#client.isReady) return
    this.#renew()
    this.#state.report('down', error)
  }

  readonly #onEnd = (): void => {
    const error = new Error('the client that was passed in was ended')
    this.#renew()
    this.#state.report('down', error)
    this.#rejectWaiters(error)
  }

  #greet(): void {
    const session = this.#session
    this.#greeting ??= askFacts(session).then(
      (facts) => this.#known(session, facts),
      (error: unknown) => {
        if (this.#session !== session) return
        this.#greeting = undefined
        this.#rejectWaiters(error)
      },
    )
  }

  #known(session: ClientSession, facts: SessionFacts): void {
    if (this.#session !== session) return
    session.facts = facts
    this.#greeted = true
    this.#settings.sessions.up(this, session)
    for (const waiter of this.#waiters) waiter.accept(session)
    this.#waiters.clear()
  }

  #renew(): void {
    this.#settings.sessions.down(this, this.#session)
    this.#greeted = false
    this.#greeting = undefined
    this.#session = this.#newSession()
  }

  #newSession(): ClientSession {
    const sendCommand = (words: readonly Word[]): Promise<unknown> =>
      this.#client.sendCommand(words, SEND_OPTIONS)
    return new ClientSession({ sendCommand }, this.#settings.clock, () => undefined)
  }

  #rejectWaiters(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
