import type { Line, Route } from './line.ts'
import type { Topology } from './topology.ts'

/** All keys go the same way, always. */
export class OneLine implements Topology, Route {
  readonly together = true
  readonly #line: Line & { close(): void }
  readonly #aside: (() => Line & { close(): void }) | undefined

  /** @param aside - Makes a line to the same place. */
  constructor(line: Line & { close(): void }, aside?: () => Line & { close(): void }) {
    this.#line = line
    this.#aside = aside
  }

  primary(): Route {
    return this
  }

  reader(): Route {
    return this
  }

  line(): Line {
    return this.#line
  }

  redirect(): undefined {
    return undefined
  }

  aside(): (Line & { close(): void }) | undefined {
    return this.#aside?.()
  }

  all(): Promise<readonly Line[]> {
    return Promise.resolve([this.#line])
  }

  close(): void {
    this.#line.close()
  }
}
