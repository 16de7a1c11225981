import { CacheError, type KeyFormat, type Reporter, type StoreKey } from '@hitbox/core'
import { replyCode } from './failure.ts'
import type { Line } from './line.ts'
import type { Session } from './session.ts'
import type { SessionObserver } from './sessions.ts'
import type { Topology } from './topology.ts'
import { word } from './words.ts'

const MOST_KEYS = 10_000

/** A key whose old value must not be found again. */
export interface Kept {
  readonly key: StoreKey
  /** Where its removal was sent, and what comes of that. */
  delivery: { readonly session: Session; readonly done: Promise<unknown> } | undefined
}

/**
 * Changes that were not acknowledged. Their outcome is unknown, so the keys are removed: before anything else is asked of them by this
 * process, and as soon as there is a connection again. The oldest are dropped when there are too many.
 */
export class Outbox implements SessionObserver {
  readonly #kept = new Map<string, Kept>()
  readonly #source: string
  readonly #reporter: Reporter
  readonly #keyFormat: KeyFormat
  readonly #topology: Topology

  constructor(source: string, reporter: Reporter, keyFormat: KeyFormat, topology: Topology) {
    this.#source = source
    this.#reporter = reporter
    this.#keyFormat = keyFormat
    this.#topology = topology
  }

  /** What is kept of a key; costs one comparison while nothing is. */
  get(key: StoreKey): Kept | undefined {
    return this.#kept.size === 0 ? undefined : this.#kept.get(idOf(key))
  }

  /** {@link Outbox.get} for many; `undefined` when nothing is kept of any. */
  some(keys: readonly StoreKey[]): readonly (Kept | undefined)[] | undefined {
    return this.#kept.size === 0 ? undefined : keys.map((key) => this.get(key))
  }

  /** Keeps a key when the failure of its change leaves open, or leaves undone, what was to be done. */
  keep(key: StoreKey, error: unknown): void {
    if (!isUndelivered(error)) return
    const id = idOf(key)
    const known = this.#kept.delete(id)
    this.#kept.set(id, { key, delivery: undefined })
    if (known) return
    this.#report(key, 'kept')
    if (this.#kept.size <= MOST_KEYS) return
    const [oldest] = this.#kept
    if (oldest === undefined) return
    this.#kept.delete(oldest[0])
    this.#report(oldest[1].key, 'dropped')
  }

  /** The change that was kept has been done, or a younger one was. Does nothing to what was kept since. */
  settle(kept: Kept | undefined): void {
    if (kept === undefined) return
    const id = idOf(kept.key)
    if (this.#kept.get(id) !== kept) return
    this.#kept.delete(id)
    this.#report(kept.key, 'delivered')
  }

  /** Sends the removal of a key, unless it is on its way on this connection. Rejects as that does. */
  deliver(kept: Kept, session: Session): Promise<unknown> {
    if (kept.delivery?.session === session) return kept.delivery.done
    const done = session.send(['UNLINK', word(kept.key)]).then(
      () => this.settle(kept),
      (error: unknown) => {
        kept.delivery = undefined
        throw error
      },
    )
    // Who asks for the key is told as well.
    done.catch(() => undefined)
    kept.delivery = { session, done }
    return done
  }

  up(line: Line, session: Session): void {
    this.flush(line, session)
  }

  /** Sends the removals of all keys that belong to a line. */
  flush(line: Line, session: Session): void {
    for (const kept of this.#kept.values()) {
      const here = this.#topology.together || this.#topology.primary(kept.key).line() === line
      if (here) void this.deliver(kept, session)
    }
  }

  #report(key: StoreKey, state: 'kept' | 'delivered' | 'dropped'): void {
    if (!this.#reporter.active) return
    const text = this.#keyFormat.decode(key) ?? String(key)
    this.#reporter.report({ type: 'undelivered', source: this.#source, key: text, state })
  }
}

/** Whether what was to be changed may stand as it was. What this user is denied would be denied again; the others may get through later. */
function isUndelivered(error: unknown): boolean {
  if (CacheError.is(error, 'TIMEOUT')) return true
  return CacheError.is(error, 'BACKEND_FAILED') && replyCode(error.cause) !== 'NOPERM'
}

function idOf(key: StoreKey): string {
  return typeof key === 'string' ? key : Buffer.from(word(key)).toString('latin1')
}
