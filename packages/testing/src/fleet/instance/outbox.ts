import type { FromInstance, PackedCall, PackedEvent } from '../messages.ts'

/** Short, so that little is lost with a process that is killed. */
const EVERY_MS = 20

/** Sends what happened to the fleet, in small batches. */
export class Outbox {
  readonly #timer = setInterval(() => this.flush(), EVERY_MS)
  #events: PackedEvent[] = []
  #calls: PackedCall[] = []

  event(event: PackedEvent): void {
    this.#events.push(event)
  }

  call(call: PackedCall): void {
    this.#calls.push(call)
  }

  flush(): void {
    if (this.#events.length + this.#calls.length === 0) return
    void send({ type: 'batch', events: this.#events, calls: this.#calls })
    this.#events = []
    this.#calls = []
  }

  stop(): void {
    clearInterval(this.#timer)
    this.flush()
  }
}

/** Resolves when it is on its way; at once when the fleet is gone. */
export function send(message: FromInstance): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, () => resolve())
  })
}
