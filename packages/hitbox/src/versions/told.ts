/** Turns in which names were told to have changed while a question for them, or a change of them, was under way. */
export class Told {
  readonly #turns = new Map<string, number>()

  note(name: string, turn: number): void {
    this.#turns.set(name, turn)
  }

  /** Whether the name was told later than in that turn. */
  after(name: string, turn: number): boolean {
    return (this.#turns.get(name) ?? 0) > turn
  }

  forget(name: string): void {
    this.#turns.delete(name)
  }
}
