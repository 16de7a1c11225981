/** Things to be done together: what is asked for in one turn of the event loop is done once for each place, for all, after it. */
export class Barriers<Place> {
  readonly #waiting = new Map<Place, Promise<void>>()

  /**
   * Settles as what is begun after this call does.
   *
   * @param pass - Begins it, at once; that of whoever comes first is called.
   */
  join(place: Place, pass: () => Promise<void>): Promise<void> {
    let group = this.#waiting.get(place)
    if (group === undefined) {
      group = new Promise((resolve, reject) => {
        setImmediate(() => {
          // Who comes from now on has come after the question.
          this.#waiting.delete(place)
          pass().then(resolve, reject)
        })
      })
      this.#waiting.set(place, group)
    }
    return group
  }
}
