import type { Socket } from 'node:net'

/** What travels: bytes, or the end of the connection. */
type Item = Uint8Array | 'end' | 'reset'

/** One direction of a connection: keeps order, whatever is held back or late. */
export class Lane {
  readonly #to: Socket
  #queue: { readonly item: Item; readonly due: number }[] = []
  #timer: NodeJS.Timeout | undefined
  #held = false
  #closed = false

  constructor(to: Socket) {
    this.#to = to
  }

  push(item: Item, delayMs = 0): void {
    this.#queue.push({ item, due: performance.now() + delayMs })
    this.#drain()
  }

  hold(held: boolean): void {
    this.#held = held
    this.#drain()
  }

  /** Sends what waits for its time at once. */
  hurry(): void {
    this.#queue = this.#queue.map(({ item }) => ({ item, due: 0 }))
    this.#drain()
  }

  close(): void {
    this.#closed = true
    this.#queue = []
    clearTimeout(this.#timer)
  }

  readonly #drain = (): void => {
    clearTimeout(this.#timer)
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.#held || this.#closed) return
      const waitMs = first.due - performance.now()
      if (waitMs > 0) {
        this.#timer = setTimeout(this.#drain, Math.ceil(waitMs))
        this.#timer.unref()
        return
      }
      this.#queue.shift()
      this.#deliver(first.item)
    }
  }

  #deliver(item: Item): void {
    if (item === 'end') this.#to.end()
    else if (item === 'reset') resetSocket(this.#to)
    else this.#to.write(item)
  }
}

/** Resets a connection; one that is already being ended is closed, since Node would never let go of its socket otherwise. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy()
  else socket.resetAndDestroy()
}
