import type { Reporter } from '@hitbox/core'

/** Tells whether a connection is up or down, once per change. */
export class StateReport {
  readonly #source: string
  readonly #reporter: Reporter
  #told: 'up' | 'down' | undefined

  constructor(source: string, reporter: Reporter) {
    this.#source = source
    this.#reporter = reporter
  }

  report(state: 'up' | 'down', error?: unknown): void {
    if (this.#told === state) return
    this.#told = state
    if (!this.#reporter.active) return
    const event = { type: 'connection', source: this.#source, state } as const
    this.#reporter.report(error === undefined ? event : { ...event, error })
  }
}
