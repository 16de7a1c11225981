import { type Clock, closedError } from '@hitbox/core'
import { RESP_TYPES } from '@redis/client'
import type { Line, Waiter } from './line.ts'
import type { LinkSettings } from './link.ts'
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
  readonly #label: string
  readonly #clock: Clock
  readonly #state: StateReport
  readonly #waiters = new Set<Waiter>()
  #session: Session

  constructor(client: RedisClientLike, settings: LinkSettings) {
    this.#client = client
    this.#label = settings.label
    this.#clock = settings.clock
    this.#state = new StateReport(settings.label, settings.reporter)
    this.#session = this.#newSession()
    client.on('ready', this.#onReady)
    client.on('error', this.#onError)
    client.on('end', this.#onEnd)
  }

  get session(): Session | undefined {
    return this.#client.isReady ? this.#session : undefined
  }

  join(waiter: Waiter): void {
    const { session } = this
    if (session !== undefined) waiter.accept(session)
    else if (this.#client.isOpen) this.#waiters.add(waiter)
    else waiter.reject(new Error('the client that was passed in is not open'))
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
    this.#rejectWaiters(closedError(this.#label))
  }

  readonly #onReady = (): void => {
    // Perhaps another server, with another clock.
    this.#session = this.#newSession()
    this.#state.report('up')
    for (const waiter of this.#waiters) waiter.accept(this.#session)
    this.#waiters.clear()
  }

  readonly #onError = (error: unknown): void => {
    if (!this.#client.isReady) this.#state.report('down', error)
  }

  readonly #onEnd = (): void => {
    const error = new Error('the client that was passed in was ended')
    this.#state.report('down', error)
    this.#rejectWaiters(error)
  }

  #newSession(): Session {
    const sendCommand = (words: readonly Word[]): Promise<unknown> =>
      this.#client.sendCommand(words, SEND_OPTIONS)
    return new ClientSession({ sendCommand }, this.#clock, () => undefined)
  }

  #rejectWaiters(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
