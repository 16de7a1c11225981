import type { ChangeListener, StoreKey } from '@hitbox/core'

/** Those who want to know what others change. */
export class Listeners implements ChangeListener<StoreKey> {
  readonly #all = new Set<ChangeListener<StoreKey>>()

  get size(): number {
    return this.#all.size
  }

  /** @returns what takes it away again, and tells whether it was still there. */
  add(listener: ChangeListener<StoreKey>): () => boolean {
    // Each call is a listener of its own, whatever it is given.
    const own: ChangeListener<StoreKey> = {
      changed: (key) => listener.changed(key),
      changedAll: () => listener.changedAll(),
    }
    this.#all.add(own)
    return () => this.#all.delete(own)
  }

  changed(key: StoreKey): void {
    for (const listener of this.#all) listener.changed(key)
  }

  changedAll(): void {
    for (const listener of this.#all) listener.changedAll()
  }
}
