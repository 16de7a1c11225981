import type { Line, Route } from './line.ts'
import type { Topology } from './topology.ts'

/** All keys go the same way, always. */
export class OneLine implements Topology, Route {
  readonly together = true
  readonly #line: Line & { close(): void }

  constructor(line: Line & { close(): void }) {
    this.#line = line
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

  all(): Promise<readonly Line[]> {
    return Promise.resolve([this.#line])
  }

  close(): void {
    this.#line.close()
  }
}
