/** The keys that a program asked for, one after the other. */
export interface Trace {
  readonly name: string
  /** Keys as numbers from 0 up to, not including, `unique`, in the order of their first request. */
  readonly requests: Uint32Array
  readonly unique: number
}

/** Gathers a trace of any length: 4 bytes for each request, and one map entry for each key. */
export class TraceBuilder<Key> {
  readonly #ids = new Map<Key, number>()
  #requests = new Uint32Array(1_024)
  #length = 0

  add(key: Key): void {
    let id = this.#ids.get(key)
    if (id === undefined) {
      id = this.#ids.size
      this.#ids.set(key, id)
    }
    if (this.#length === this.#requests.length) this.#grow()
    this.#requests[this.#length] = id
    this.#length += 1
  }

  build(name: string): Trace {
    return { name, requests: this.#requests.slice(0, this.#length), unique: this.#ids.size }
  }

  #grow(): void {
    const larger = new Uint32Array(this.#requests.length * 2)
    larger.set(this.#requests)
    this.#requests = larger
  }
}
