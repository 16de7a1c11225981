import type { Line } from './line.ts'
import type { Topology } from './topology.ts'

/** All keys go the same way. */
export class OneLine implements Topology {
  readonly together = true
  readonly #line: Line & { close(): void }

  constructor(line: Line & { close(): void }) {
    this.#line = line
  }

  primary(): Line {
    return this.#line
  }

  reader(): Line {
    return this.#line
  }

  all(): Promise<readonly Line[]> {
    return Promise.resolve([this.#line])
  }

  close(): void {
    this.#line.close()
  }
}
