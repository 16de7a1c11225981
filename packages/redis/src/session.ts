import type { Clock } from '@hitbox/core'
import { ServerTime } from './server-time.ts'

/** One word of a command. node-redis takes no other bytes than a `Buffer`. */
export type Word = string | Buffer

/** What a server answers, with bytes for strings; an error reply rejects instead. */
export type Reply = Buffer | string | number | boolean | null | readonly Reply[]

/** The part of a client that sends. */
export interface Sender {
  sendCommand(words: readonly Word[]): Promise<unknown>
}

/** How long a sample of the server's time is good enough. */
const SAMPLE_MS = 10_000

/** A connection that takes commands now, and the clock of the server behind it. */
export interface Session {
  readonly time: ServerTime
  /** Everything sent in one turn of the event loop leaves in one write, in this order. */
  send(words: readonly Word[]): Promise<Reply>
  /**
   * Asks for the server's time when that is due, beside the command that is about to be sent, so at the cost of no write.
   * Whatever comes of it, nobody waits for it and nothing fails.
   */
  keepTime(): void
  /** Resolves when the server's time is known, or known to be refused. */
  firstSample(): Promise<void>
  /** Ends the connection and rejects what was not answered; may be called again. */
  end(): void
}

/** A session on a client of node-redis. */
export class ClientSession implements Session {
  readonly time: ServerTime = new ServerTime()
  readonly end: () => void
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

  keepTime(): void {
    const now = this.#clock.recent()
    if (now < this.#sampleDue) return
    this.#sampleDue = now + SAMPLE_MS
    const sample = this.#sample()
    this.#firstSample ??= sample
  }

  firstSample(): Promise<void> {
    this.keepTime()
    return this.#firstSample ?? Promise.resolve()
  }

  async #sample(): Promise<void> {
    const sentAt = this.#clock.now()
    try {
      const reply = (await this.send(['TIME'])) as readonly [Buffer, Buffer]
      const [seconds, micros] = reply.map(Number)
      const server = (seconds as number) * 1_000 + (micros as number) / 1_000
      if (Number.isFinite(server)) this.time.learn(sentAt, this.#clock.now(), server)
    } catch {
      // Refused, or the connection is gone: lifetimes are then asked for entry by entry.
    }
  }
}
