import { MessageChannel } from 'node:worker_threads'

/**
 * Keeps the process alive while an operation waits for the time of the next attempt to connect: then there is neither a socket
 * nor, since those of a clock do not count, a timer that would.
 */
export class KeepAlive {
  readonly #holders = new Set<object>()
  #channel: MessageChannel | undefined

  hold(holder: object): void {
    this.#holders.add(holder)
    if (this.#channel !== undefined) return
    this.#channel = new MessageChannel()
    this.#channel.port1.ref()
  }

  release(holder: object): void {
    this.#holders.delete(holder)
    if (this.#holders.size > 0) return
    this.#channel?.port1.close()
    this.#channel = undefined
  }
}
