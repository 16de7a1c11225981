/** A version, as this process knows it. */
export interface Known {
  version: string
  /** Moment since which it is known, in turns of {@link Versions.turn}: what began later began under it. */
  since: number
  /** When it took the place of another, likewise; 0 when this process has seen no other. */
  changedAt: number
  /** When this process itself last changed it, likewise. */
  ownAt: number
  /** When it was last asked for, on the process's clock. */
  readAt: number
  /** Whether a change by others is told since then. */
  tracked: boolean
}

/** Versions by name, the ones learned first forgotten first when there are too many. */
export class KnownVersions {
  readonly #most: number
  readonly #byName = new Map<string, Known>()
  /** The last change among those that are forgotten. */
  forgottenAt = 0

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#byName.size
  }

  get(name: string): Known | undefined {
    return this.#byName.get(name)
  }

  set(name: string, known: Known): void {
    this.#byName.delete(name)
    this.#byName.set(name, known)
    if (this.#byName.size <= this.#most) return
    for (const oldest of this.#byName.keys()) {
      this.forget(oldest)
      break
    }
  }

  forget(name: string): void {
    const known = this.#byName.get(name)
    if (known === undefined) return
    this.forgottenAt = Math.max(this.forgottenAt, known.changedAt)
    this.#byName.delete(name)
  }

  [Symbol.iterator](): Iterator<Known> {
    return this.#byName.values()
  }

  clear(): void {
    for (const { changedAt } of this.#byName.values()) {
      this.forgottenAt = Math.max(this.forgottenAt, changedAt)
    }
    this.#byName.clear()
  }
}
