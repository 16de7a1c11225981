import type { Clock, Timer } from '@hitbox/core'
import type { Dispatcher } from '../dispatcher.ts'
import { isLoss } from '../failure.ts'
import { fixed } from '../fixed.ts'
import type { Line } from '../line.ts'
import type { Session } from '../session.ts'

/** Told of what comes through a channel. */
export interface ChannelListener {
  /** From now on all that is said there is told. */
  subscribed(): void
  /** It cannot be listened to; `forGood` when that was refused rather than lost. */
  failed(forGood: boolean): void
  message(bytes: Buffer): void
}

/** Listens to a channel on a connection of its own, looks after that, and makes it again after it was lost. */
export class Subscriber {
  readonly #line: Line & { close(): void }
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #channel: string
  readonly #everyMs: number
  readonly #listener: ChannelListener
  #on: Session | undefined
  #timer: Timer | undefined
  #ended = false

  constructor(
    line: Line & { close(): void },
    dispatcher: Dispatcher,
    channel: string,
    everyMs: number,
    listener: ChannelListener,
  ) {
    this.#line = line
    this.#dispatcher = dispatcher
    this.#clock = dispatcher.settings.clock
    this.#channel = channel
    this.#everyMs = everyMs
    this.#listener = listener
    void this.#beat()
  }

  end(): void {
    this.#ended = true
    this.#timer?.cancel()
    this.#line.close()
  }

  async #beat(): Promise<void> {
    let refused = false
    try {
      await this.#dispatcher.run<void, unknown>('connect', fixed(this.#line), {
        send: (session) => (this.#on === session ? session.send(['PING']) : this.#begin(session)),
        take: nothing,
      })
    } catch (error) {
      if (this.#ended) return
      const { cause } = error as Error
      refused = cause !== undefined && !isLoss(cause)
      this.#on = undefined
      this.#listener.failed(refused)
    }
    if (this.#ended || refused) return
    this.#timer = this.#clock.setTimeout(() => void this.#beat(), this.#everyMs)
  }

  async #begin(session: Session): Promise<void> {
    await session.subscribe(this.#channel, (message) => {
      if (!this.#ended) this.#listener.message(message)
    })
    // Where the confirmation is swallowed, the next answer is taken for it, and the one to this never comes.
    await session.send(['PING'])
    if (this.#ended) return
    this.#on = session
    this.#listener.subscribed()
  }
}

function nothing(): void {
  // The answer is that there was one.
}
