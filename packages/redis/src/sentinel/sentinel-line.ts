import { setMaxListeners } from 'node:events'
import { type Access, type Call, dial } from '../dial.ts'
import { type Endpoint, endpointId } from '../endpoint.ts'
import type { Line, Waiter } from '../line.ts'
import { Link, type LinkSettings } from '../link.ts'
import type { Session } from '../session.ts'
import { primaryOf, type Question } from './primary-of.ts'

export interface SentinelPlan {
  readonly name: string
  readonly sentinels: readonly Endpoint[]
}

/** The part of the time to connect that the sentinels get to agree. */
const PART = 1 / 3

/**
 * A link to the primary that the sentinels name. They are asked for every connection, and when a command is slow to be answered:
 * should there be another primary by then, the connection is given up, so that what waits on it goes there.
 */
export class SentinelLine implements Line {
  readonly droppable = true
  readonly #link: Link
  readonly #question: Question
  readonly #access: Access
  readonly #settings: LinkSettings
  #current: { readonly session: Session; readonly endpoint: Endpoint } | undefined
  #checking: AbortController | undefined

  constructor(plan: SentinelPlan, sentinelAccess: Access, access: Access, settings: LinkSettings) {
    const { clock, connectTimeoutMs } = settings
    const patienceMs = connectTimeoutMs * PART
    this.#question = { ...plan, access: sentinelAccess, clock, patienceMs }
    this.#access = access
    this.#settings = settings
    this.#link = new Link((call) => this.#dial(call), settings)
  }

  get session(): Session | undefined {
    return this.#link.session
  }

  join(waiter: Waiter): void {
    this.#link.join(waiter)
  }

  leave(waiter: Waiter): void {
    this.#link.leave(waiter)
  }

  suspect(session: Session): void {
    this.#link.suspect(session)
  }

  trust(session: Session): void {
    this.#link.trust(session)
  }

  drop(session: Session, error: unknown): void {
    this.#link.drop(session, error)
  }

  demoted(session: Session): void {
    this.#link.demoted(session)
  }

  doubt(): void {
    const current = this.#current
    if (this.#checking !== undefined || current === undefined) return
    if (this.session !== current.session) return
    const { clock, connectTimeoutMs } = this.#settings
    const checking = new AbortController()
    setMaxListeners(0, checking.signal)
    this.#checking = checking
    const timer = clock.setTimeout(() => checking.abort(), connectTimeoutMs)
    primaryOf(this.#question, checking.signal)
      .then((endpoint) => {
        if (endpointId(endpoint) === endpointId(current.endpoint)) return
        this.#link.drop(current.session, new Error('the sentinels name another primary'))
      })
      // Nobody waits for the answer: the command in doubt has its own end.
      .catch(() => undefined)
      .finally(() => {
        timer.cancel()
        this.#checking = undefined
      })
  }

  close(): void {
    this.#checking?.abort()
    this.#link.close()
  }

  async #dial(call: Call): Promise<Session> {
    const endpoint = await primaryOf(this.#question, call.signal)
    const { clock, sessions } = this.#settings
    const terms = { clock, sessions, clustered: false }
    const session = await dial(endpoint, this.#access, clock, call, terms)
    try {
      const [role] = (await session.send(['ROLE'])) as readonly [Buffer]
      if (String(role) !== 'master') throw new Error('what the sentinels name is no primary')
    } catch (error) {
      session.end()
      throw error
    }
    this.#current = { session, endpoint }
    return session
  }
}
