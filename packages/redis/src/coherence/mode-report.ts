import type { CoherenceMode, Reporter } from '@hitbox/core'
import type { Session } from '../session.ts'

/** Tells how changes are learnt of, once per change. */
export class ModeReport {
  readonly #source: string
  readonly #reporter: Reporter
  #told: string | undefined

  constructor(source: string, reporter: Reporter) {
    this.#source = source
    this.#reporter = reporter
  }

  /** @param sessions - All that there are. */
  tell(mode: CoherenceMode, sessions: readonly Session[]): void {
    const known =
      sessions.length > 0 && sessions.every(({ facts }) => facts.epochText !== undefined)
    const epoch = known ? 'known' : 'unknown'
    if (this.#told === `${mode} ${epoch}`) return
    this.#told = `${mode} ${epoch}`
    if (!this.#reporter.active) return
    this.#reporter.report({ type: 'coherence', source: this.#source, mode, epoch })
  }

  /** What is told next is news. */
  forget(): void {
    this.#told = undefined
  }
}
