/**
 * Waits for the abort of callers' signals, with one listener per signal however many calls share it: Node warns of a leak at eleven,
 * and one request's signal serves all its calls.
 */
export class SignalWaits {
  readonly #bySignal = new WeakMap<AbortSignal, { readonly calls: Set<() => void>; stop(): void }>()

  /** @param onAbort - Called at most once, and another function for each call. */
  add(signal: AbortSignal, onAbort: () => void): void {
    const known = this.#bySignal.get(signal)
    if (known !== undefined) {
      known.calls.add(onAbort)
      return
    }
    const calls = new Set([onAbort])
    const listen = (): void => {
      this.#bySignal.delete(signal)
      for (const call of calls) call()
    }
    signal.addEventListener('abort', listen, { once: true })
    this.#bySignal.set(signal, { calls, stop: () => signal.removeEventListener('abort', listen) })
  }

  remove(signal: AbortSignal, onAbort: () => void): void {
    const known = this.#bySignal.get(signal)
    if (known === undefined) return
    known.calls.delete(onAbort)
    if (known.calls.size > 0) return
    known.stop()
    this.#bySignal.delete(signal)
  }
}
