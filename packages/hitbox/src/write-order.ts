import { CacheError, isPromise, type MaybePromise } from '@hitbox/core'

/** The operations on one key. */
interface Line {
  /** When the last of them has ended. */
  settled: Promise<void>
  /** How many wait or run. */
  depth: number
}

/** Most operations waiting for one key. More means that a tier never answers. */
const MOST_WAITING = 1_000

/**
 * Lets everything that changes a key in the tiers happen one after the other, by when it really ended, however late: a value
 * on its way into the tiers can then never land after a delete that was acknowledged. Costs nothing where tiers answer at once.
 */
export class WriteOrder {
  readonly #source: string
  readonly #lines = new Map<string, Line>()
  #idle: (() => void)[] = []

  constructor(source: string) {
    this.#source = source
  }

  /** Keys with changes under way; 0 at rest. */
  get size(): number {
    return this.#lines.size
  }

  /**
   * @param operation - Must neither throw nor reject.
   * @throws {@link CacheError} `OVERLOADED` when too many changes of a key wait already.
   */
  run<R>(keys: readonly string[], operation: () => MaybePromise<R>): MaybePromise<R> {
    if (this.#lines.size === 0) {
      const answer = operation()
      if (isPromise(answer)) this.#hold(keys, answer)
      return answer
    }
    const before: Promise<void>[] = []
    for (const key of keys) {
      const line = this.#lines.get(key)
      if (line === undefined) continue
      if (line.depth >= MOST_WAITING) throw this.#overloaded()
      before.push(line.settled)
    }
    const answer = before.length === 0 ? operation() : Promise.all(before).then(operation)
    if (isPromise(answer)) this.#hold(keys, answer)
    return answer
  }

  /** Resolves when nothing is under way. */
  drained(): Promise<void> {
    if (this.#lines.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  #hold(keys: readonly string[], answer: Promise<unknown>): void {
    const settled: Promise<void> = answer.then(() => this.#ended(keys, settled))
    for (const key of keys) {
      const line = this.#lines.get(key)
      if (line === undefined) this.#lines.set(key, { settled, depth: 1 })
      else {
        line.settled = settled
        line.depth += 1
      }
    }
  }

  #ended(keys: readonly string[], settled: Promise<void>): void {
    for (const key of keys) {
      const line = this.#lines.get(key)
      if (line === undefined) continue
      line.depth -= 1
      if (line.settled === settled) this.#lines.delete(key)
    }
    if (this.#lines.size > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #overloaded(): CacheError<'OVERLOADED'> {
    const source = this.#source
    return new CacheError('OVERLOADED', `cache "${source}" waits for a tier that does not answer`, {
      details: { source, maxConcurrent: 1, maxQueued: MOST_WAITING },
    })
  }
}
