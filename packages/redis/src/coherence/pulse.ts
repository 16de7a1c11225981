import type { Clock } from '@hitbox/core'
import type { Exchange } from '../exchange.ts'
import { memoryOf } from '../session-facts.ts'
import { testTracking } from './self-test.ts'
import { refusable, type Reply, type Session } from '../session.ts'
import type { Sessions } from '../sessions.ts'

/** What a server answers when asked whether it is still there, and still the same. */
export interface PulseReplies {
  readonly sentAt: number
  /** Its time in ms; `undefined` when it does not say. */
  readonly toldAt: number | undefined
  readonly replication: Reply | undefined
  readonly subscribers: Reply | undefined
}

/** Told what came of a pulse. */
export interface PulseTaker {
  /** All that was told before this answer is known here. @throws when that is worth nothing to who asked. */
  answered(session: Session, replies: PulseReplies): void
}

/**
 * Asks a server, on the connection that tells changes, for the time and for its role and memory. What it has told before the answer
 * is known here when the answer is. A server that has become another one is given up.
 */
export class Pulse implements Exchange<void, PulseReplies> {
  readonly #sessions: Sessions
  readonly #clock: Clock
  readonly #taker: PulseTaker
  /** Of whose listeners the number is asked. */
  readonly #channel: string
  readonly #proves: boolean

  /** @param proves - Whether the server must show that it still tells changes, by one of its own. */
  constructor(
    sessions: Sessions,
    clock: Clock,
    taker: PulseTaker,
    channel: string,
    proves: boolean,
  ) {
    this.#sessions = sessions
    this.#clock = clock
    this.#taker = taker
    this.#channel = channel
    this.#proves = proves
  }

  async send(session: Session): Promise<PulseReplies> {
    const sentAt = this.#clock.now()
    const { tracking } = session
    const time =
      this.#proves && tracking.on
        ? testTracking(session, this.#clock, tracking.probe).then(() => tracking.toldAt)
        : session.askTime()
    const asked = session.facts.epochText !== undefined
    const [toldAt, replication, subscribers] = await Promise.all([
      time,
      asked ? refusable(session.send(['INFO', 'replication'])) : undefined,
      refusable(session.send(['PUBSUB', 'NUMSUB', this.#channel])),
    ])
    return { sentAt, toldAt, replication, subscribers }
  }

  take(replies: PulseReplies, session: Session): void {
    const trouble = troubleOf(session, replies.replication)
    if (trouble === undefined) return this.#taker.answered(session, replies)
    const error = new Error(`the server behind the connection ${trouble}`)
    const line = this.#sessions.live.get(session)
    if (trouble === DEMOTED) line?.demoted(session)
    else line?.drop(session, error)
    // Whoever waits goes on on the next connection, as after a loss.
    throw error
  }
}

const DEMOTED = 'is no primary any more'

function troubleOf(session: Session, replication: Reply | undefined): string | undefined {
  const { epochText } = session.facts
  if (session.tracking.tried && !session.tracking.on) return 'does not tell changes any more'
  if (epochText === undefined) return undefined
  const memory = memoryOf(replication)
  if (memory === undefined) return 'does not say any more who it is'
  if (!memory.primary) return DEMOTED
  return memory.epochText === epochText ? undefined : 'has another memory now'
}
