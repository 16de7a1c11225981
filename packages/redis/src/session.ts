import type { Clock } from '@hitbox/core'
import { isLoss } from './failure.ts'
import { ServerTime } from './server-time.ts'
import { NO_FACTS, type SessionFacts } from './session-facts.ts'
import { Tracking } from './coherence/tracking.ts'

/** One word of a command. node-redis takes no other bytes than a `Buffer`. */
export type Word = string | Buffer

/** What a server answers, with bytes for strings; an error reply rejects instead. */
export type Reply = Buffer | string | number | boolean | null | readonly Reply[]

/** The part of a client that sends. */
export interface Sender {
  sendCommand(words: readonly Word[]): Promise<unknown>
  /** Left out where nobody subscribes. */
  subscribe?(channel: string, listener: (message: Buffer) => void, buffers: true): Promise<unknown>
}

/** How long a sample of the server's time is good enough. */
const SAMPLE_MS = 10_000

/** A connection that takes commands now, and the clock of the server behind it. */
export interface Session {
  readonly time: ServerTime
  /** What the server said of itself when the connection was made. */
  readonly facts: SessionFacts
  /** Whether the server tells on this connection what others change. */
  readonly tracking: Tracking
  /** Everything sent in one turn of the event loop leaves in one write, in this order. */
  send(words: readonly Word[]): Promise<Reply>
  /**
   * Sends commands that are carried out all together or not at all.
   *
   * @returns their replies. @throws what the first that failed was told, rather than that the transaction therefore failed.
   */
  transaction(commands: readonly (readonly Word[])[]): Promise<readonly Reply[]>
  /** Has messages of a channel told, from when it resolves. */
  subscribe(channel: string, listener: (message: Buffer) => void): Promise<void>
  /**
   * Asks for the server's time when that is due, beside the command that is about to be sent, so at the cost of no write.
   * Whatever comes of it, nobody waits for it and nothing fails.
   */
  keepTime(): void
  /** Resolves when the server's time is known, or known to be refused. */
  firstSample(): Promise<void>
  /** Asks for the server's time now. @returns it in ms; `undefined` when it is refused. @throws when the connection is lost. */
  askTime(): Promise<number | undefined>
  /** Ends the connection and rejects what was not answered; may be called again. */
  end(): void
}

/** A session on a client of node-redis. */
export class ClientSession implements Session {
  readonly time: ServerTime = new ServerTime()
  readonly tracking: Tracking = new Tracking()
  readonly end: () => void
  facts: SessionFacts = NO_FACTS
  readonly #sender: Sender
  readonly #clock: Clock
  #sampleDue = 0
  #firstSample: Promise<void> | undefined

  constructor(sender: Sender, clock: Clock, end: () => void) {
    this.#sender = sender
    this.#clock = clock
    this.end = end
  }

  send(words: readonly Word[]): Promise<Reply> {
    return this.#sender.sendCommand(words) as Promise<Reply>
  }

  async transaction(commands: readonly (readonly Word[])[]): Promise<readonly Reply[]> {
    let cause: unknown
    const note = (error: unknown): void => {
      cause ??= error
    }
    this.send(['MULTI']).catch(note)
    for (const words of commands) this.send(words).catch(note)
    const replies = await this.send(['EXEC']).catch(note)
    if (cause !== undefined) throw cause
    const all: readonly unknown[] = Array.isArray(replies) ? replies : []
    const failed = all.find((reply) => reply instanceof Error)
    if (failed !== undefined) throw failed
    return all as readonly Reply[]
  }

  async subscribe(channel: string, listener: (message: Buffer) => void): Promise<void> {
    await this.#sender.subscribe?.(channel, listener, true)
  }

  keepTime(): void {
    // Not `recent`: where nothing else uses it, its timers cost more than this.
    if (this.#clock.now() >= this.#sampleDue) void this.#sample()
  }

  firstSample(): Promise<void> {
    this.keepTime()
    return this.#firstSample ?? Promise.resolve()
  }

  async askTime(): Promise<number | undefined> {
    const sentAt = this.#clock.now()
    this.#sampleDue = sentAt + SAMPLE_MS
    const server = timeOf(await refusable(this.send(['TIME'])))
    if (server !== undefined) this.time.learn(sentAt, this.#clock.now(), server)
    return server
  }

  #sample(): Promise<void> {
    const sample = this.askTime().then(
      () => undefined,
      () => undefined, // the connection is gone: lifetimes are then asked for entry by entry
    )
    this.#firstSample ??= sample
    return sample
  }
}

/** What a command is answered, or `undefined` when the server refuses it. @throws when the connection is lost. */
export function refusable(reply: Promise<Reply>): Promise<Reply | undefined> {
  return reply.catch((error: unknown) => {
    if (isLoss(error)) throw error
    return undefined
  })
}

function timeOf(reply: Reply | undefined): number | undefined {
  if (!Array.isArray(reply)) return undefined
  const [seconds, micros] = reply.map(Number)
  const server = (seconds as number) * 1_000 + (micros as number) / 1_000
  return Number.isFinite(server) ? server : undefined
}
