/** Lets one task after the other have a key, in the order of asking. */
export class KeyLocks {
  readonly #last = new Map<string, Promise<void>>()

  async hold(key: string, task: () => Promise<void>): Promise<void> {
    const before = this.#last.get(key)
    const turn = (async (): Promise<void> => {
      await before?.catch(() => {}) // its own caller was told
      await task()
    })()
    this.#last.set(key, turn)
    try {
      await turn
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key)
    }
  }
}
