/** What came of holding reads against writes. */
export interface Checked {
  /** Reads of what the same instance had changed before. */
  readonly checked: number
  /** Of these, the ones that gave what was there before the change. There must be none. */
  readonly brokenPromises: number
  /** Reads that gave what was there before a change by another instance, and how long ago that was at most, in ms. */
  readonly oldElsewhere: number
  readonly oldForMs: number
}

interface Write {
  readonly revision: number
  readonly port: number
  readonly at: number
}

/** Remembers which writes were acknowledged, by which instance and when, and holds what is read against them. */
export class Acknowledged {
  /** By what they changed, in the order of their acknowledgement. */
  readonly #writes = new Map<string, Write[]>()
  #checked = 0
  #brokenPromises = 0
  #oldElsewhere = 0
  #oldForMs = 0

  /** A write was acknowledged now. */
  written(port: number, subjects: readonly string[], revision: number): void {
    for (const subject of subjects) {
      const writes = this.#writes.get(subject)
      const write = { revision, port, at: performance.now() }
      if (writes === undefined) this.#writes.set(subject, [write])
      else writes.push(write)
    }
  }

  /** A read begins now. @returns what to tell the revision that it brings. */
  beginRead(port: number, subject: string): (revision: number) => void {
    const known = this.#writes.get(subject) ?? []
    const count = known.length
    const begun = performance.now()
    if (known.some((write) => write.port === port)) this.#checked += 1
    return (revision) => {
      const missed = known.slice(0, count).filter((write) => write.revision > revision)
      const [first] = missed
      if (first === undefined) return
      if (missed.some((write) => write.port === port)) this.#brokenPromises += 1
      else this.#oldElsewhere += 1
      this.#oldForMs = Math.max(this.#oldForMs, begun - first.at)
    }
  }

  outcome(): Checked {
    return {
      checked: this.#checked,
      brokenPromises: this.#brokenPromises,
      oldElsewhere: this.#oldElsewhere,
      oldForMs: this.#oldForMs,
    }
  }
}
