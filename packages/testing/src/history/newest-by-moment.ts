import type { HistoryEvent } from './event.ts'

/**
 * What had been seen of one thing by a moment: events go in unordered, and are asked for when all are in.
 * An event counts from its end, and only for what begins after that: what is at the same moment is concurrent.
 */
export class NewestByMoment {
  #events: HistoryEvent[] = []
  #isOrdered = true
  /** Of each event in order, and those before it, the one with the newest version; the first of equals. */
  #newest: HistoryEvent[] | undefined

  add(event: HistoryEvent): void {
    const last = this.#events.at(-1)
    if (last !== undefined && last.endedAt > event.endedAt) this.#isOrdered = false
    this.#events.push(event)
  }

  /** The newest that had ended before `moment`. */
  before(moment: number): HistoryEvent | undefined {
    this.#newest ??= this.#order()
    return this.#newest[firstIndex(this.#events, (event) => event.endedAt >= moment) - 1]
  }

  /** The event that ended first of those newer than `version`. */
  firstNewerThan(version: number): HistoryEvent | undefined {
    this.#newest ??= this.#order()
    return this.#newest[firstIndex(this.#newest, (event) => event.version > version)]
  }

  #order(): HistoryEvent[] {
    if (!this.#isOrdered) this.#events.sort((a, b) => a.endedAt - b.endedAt)
    let newest: HistoryEvent | undefined
    return this.#events.map((event) => {
      if (newest === undefined || event.version > newest.version) newest = event
      return newest
    })
  }
}

/** Index of the first item for which `holds`, given that it holds for all that follow; the length when there is none. */
function firstIndex<T>(items: readonly T[], holds: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(items[middle] as T)) high = middle
    else low = middle + 1
  }
  return low
}
