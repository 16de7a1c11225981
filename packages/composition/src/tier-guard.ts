/**
 * Decides whether copies in upper tiers may be made and may be served. A composition asks it at two places that nothing
 * passes by: before every copy it makes above the tier a value came from, and at every hit above the lowest tier.
 *
 * {@link tierGuard} makes the one that knows the changes of this process. A protocol that also knows those of other
 * processes wraps it: every method must go through to it, or the promises within the process are lost.
 * The methods are called on every read that leaves the first tier, so they must be quick and must not throw.
 */
export interface TierGuard {
  /**
   * A hit above the lowest tier counts only before this moment of the composition's clock; from then on it is a miss for
   * the reason `'untrusted'`, and the next tier is asked. `Infinity` for always. Read anew at each hit.
   */
  readonly trustedUntil: number
  /** Called before the tier is asked whose answer may be copied up. @returns a ticket for {@link TierGuard.mayFill}. */
  beginFill(key: string): number
  /** Asked in the same turn in which the copy is made. Must be false once the key may have changed since the ticket was given. */
  mayFill(key: string, ticket: number): boolean
  /** A set or delete of `key` begins. */
  beginChange(key: string): void
  /** Whether another change of `key` has run at the same time as one that has not ended: which came last in the lowest tier is then unknown. */
  contended(key: string): boolean
  /** A change has ended in every tier, whatever its outcome. Called exactly once per {@link TierGuard.beginChange}. */
  endChange(key: string): void
  /** Everything is dropped from all tiers at once: a change of every key, begun and ended, beside each that is under way. */
  changeAll(): void
}

/** A guard that can tell how much it holds. */
export interface ChangeGuard extends TierGuard {
  /** Keys with changes under way; 0 at rest. */
  readonly changing: number
}

/**
 * Makes the guard of one process: a copy is refused when a change of its key began, ran or ended after the read that it
 * comes from began. Two compositions over the same tiers should share one.
 *
 * Costs 16 KiB and an entry per key that is being changed; reads leave nothing behind.
 */
export function tierGuard(): ChangeGuard {
  return new InProcessGuard()
}

/** A power of two. More would refuse fewer copies by chance, and take more room. */
const VERSIONS = 4_096

class InProcessGuard implements ChangeGuard {
  readonly trustedUntil = Number.POSITIVE_INFINITY
  /**
   * How often a key of each group has begun or ended to change. Reads in flight hold a number instead of an entry here, so one
   * that never settles leaks nothing. Keys that share a group refuse each other's copies, which costs one more read below.
   */
  readonly #versions = new Uint32Array(VERSIONS)
  readonly #changes = new Map<string, number>()
  readonly #contended = new Set<string>()

  get changing(): number {
    return this.#changes.size
  }

  beginFill(key: string): number {
    return this.#versions[groupOf(key)] as number
  }

  mayFill(key: string, ticket: number): boolean {
    return this.#versions[groupOf(key)] === ticket && !this.#changes.has(key)
  }

  beginChange(key: string): void {
    const under = this.#changes.get(key) ?? 0
    if (under > 0) this.#contended.add(key)
    this.#changes.set(key, under + 1)
    this.#turn(key)
  }

  contended(key: string): boolean {
    return this.#contended.has(key)
  }

  endChange(key: string): void {
    const left = (this.#changes.get(key) ?? 1) - 1
    if (left > 0) this.#changes.set(key, left)
    else {
      this.#changes.delete(key)
      this.#contended.delete(key)
    }
    this.#turn(key)
  }

  changeAll(): void {
    for (const key of this.#changes.keys()) this.#contended.add(key)
    for (let group = 0; group < VERSIONS; group += 1) this.#turnGroup(group)
  }

  #turn(key: string): void {
    this.#turnGroup(groupOf(key))
  }

  #turnGroup(group: number): void {
    this.#versions[group] = (this.#versions[group] as number) + 1
  }
}

/** FNV-1a, folded: spreads keys that differ in their last digits only. */
function groupOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  }
  return (hash ^ (hash >>> 15)) & (VERSIONS - 1)
}
