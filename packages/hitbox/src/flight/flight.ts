import type { CacheValue, ItemResult, Lease, MaybePromise } from '@hitbox/core'
import type { Sight } from '../versions/versions.ts'

/** What a load has given. */
export interface Landed {
  readonly data: unknown
  /** As it is stored, or would be; absent when it is not to be stored. */
  readonly entry: CacheValue<unknown> | undefined
  readonly loadMs: number
  /** Whether the tiers took it. Never rejects. */
  readonly stored: MaybePromise<boolean>
  /** Turn in which something it belongs to was invalidated, after its load had begun: it is for nobody who came later. */
  readonly movedAt: number | undefined
  /** Path of the tier in which it was found, when another process has made it. */
  readonly source?: string | undefined
}

/** The flight's side of a claim. */
export interface FlightClaim {
  readonly waiting: boolean
  /** Nothing is to be stored any more. */
  letGo(): void
  /** The lease to store with, once. Else why there is none. */
  spend(): ItemResult<Lease>
}

/** What makes the value of a flight: one load, or one for many flights. */
export interface Runner {
  /** The flight does not need it any more. */
  abandon(flight: Flight, reason: unknown): void
}

/**
 * The making of one key's value, shared by whoever wants it: any number of callers, who may leave, and one outcome. Once a
 * change of the key has detached it, it goes on for those who are waiting, and nothing of it is stored.
 */
export class Flight {
  readonly text: string
  /** Whether it began without an old value, so that nobody needs to look for one before joining. */
  readonly blank: boolean
  /** Whether it began behind a caller. */
  readonly refresh: boolean
  /** The versions it began under. */
  sight: Sight
  /** No later than what it will answer with was read or begun to be made. */
  startedAt: number
  /** Whether a change of the key by others since then has been told. */
  tracked = false
  /** The right to store its value, where tiers give one out. */
  claim: FlightClaim | undefined
  /** Whether a caller waits for it, or has. */
  awaited = false
  /** Names of the tags that the load itself has added; complete at its end. */
  tags: readonly string[] = []
  /** Never goes unhandled. */
  readonly outcome: Promise<Landed>
  /** The outcome once it is there; while it is on its way into the tiers, callers are answered from here. */
  landed: Landed | undefined
  /** Whether its value may replace what the tiers have. */
  storable = true
  readonly #runners = new Set<Runner>()
  #detached = false
  #callers = 0
  #kept = false
  #over = false
  #resolve: ((landed: Landed) => void) | undefined
  #reject: ((error: unknown) => void) | undefined

  constructor(
    text: string,
    {
      blank,
      refresh,
      sight,
      startedAt,
    }: {
      readonly blank: boolean
      readonly refresh: boolean
      readonly sight: Sight
      readonly startedAt: number
    },
  ) {
    this.startedAt = startedAt
    this.text = text
    this.sight = sight
    this.blank = blank
    this.refresh = refresh
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.outcome.catch(() => undefined) // every caller handles it for itself; with none left nobody would
  }

  /** No value and no failure yet. */
  get open(): boolean {
    return !this.#over
  }

  get running(): number {
    return this.#runners.size
  }

  add(runner: Runner): void {
    this.#runners.add(runner)
  }

  /** Whether nobody joins it any more, and nothing of it is stored. */
  get detached(): boolean {
    return this.#detached
  }

  /** Whether it waits for somebody else's value, so that nothing has been begun for it. */
  get waiting(): boolean {
    return this.claim?.waiting === true
  }

  /** Called once, when the flight is detached. */
  onDetach: (() => void) | undefined

  detach(): void {
    if (this.#detached) return
    this.#detached = true
    this.claim?.letGo()
    this.onDetach?.()
  }

  /** Whoever joins it, or makes its value, may know of more that it belongs to. */
  addTags(tags: readonly string[]): void {
    const { marks } = this.sight
    const more = tags.filter((name) => marks?.[name] === undefined && !this.tags.includes(name))
    if (more.length > 0) this.tags = [...this.tags, ...more]
  }

  /** Somebody waits who will not leave, or the load is wanted for itself. */
  keep(): void {
    this.#kept = true
  }

  join(): void {
    this.#callers += 1
  }

  /** One who joined has left. @returns whether nobody is left and the flight has ended. */
  leave(reason: unknown): boolean {
    this.#callers -= 1
    return !this.#kept && this.#callers === 0 && this.abandon(reason)
  }

  land(landed: Landed): void {
    this.#over = true
    this.landed = landed
    this.#resolve?.(landed)
    this.#dismiss(new DOMException('another load answered first', 'AbortError'))
  }

  /** One runner has failed. @returns whether it was the last, and the flight has failed with it. */
  fail(runner: Runner, error: unknown): boolean {
    this.#runners.delete(runner)
    if (this.#over || this.#runners.size > 0) return false
    this.#over = true
    this.#reject?.(error)
    return true
  }

  /** Ends the flight without a value. @returns whether it was still open. */
  abandon(reason: unknown): boolean {
    if (this.#over) return false
    this.#over = true
    this.#reject?.(reason)
    this.#dismiss(reason)
    return true
  }

  /** Takes a runner's hands off without an end of its own. */
  done(runner: Runner): void {
    this.#runners.delete(runner)
  }

  #dismiss(reason: unknown): void {
    for (const runner of this.#runners) runner.abandon(this, reason)
    this.#runners.clear()
    this.#resolve = undefined
    this.#reject = undefined
  }
}
