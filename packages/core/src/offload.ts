/** Work to be done behind the caller's back. */
export interface OffloadTask {
  /** What sort of work it is, for example `'refill'` or `'race-read-loser'`; a label of events and counters. */
  readonly kind: string
  /** The key it works on. Of two tasks with the same key and kind only the first runs; without a key none is a duplicate. */
  readonly key?: string | undefined
  /**
   * Does the work. Called at most once, after the turn in which it was registered.
   *
   * @param signal - Aborted when the task ran out of time or the offload closes.
   */
  run(signal: AbortSignal): Promise<unknown>
}

/**
 * Takes work that the caller does not wait for. A task sees neither the request's `AsyncLocalStorage` nor its abort signal,
 * and what it throws never reaches the caller.
 */
export interface Offload {
  /** @returns whether the task was taken; a duplicate, or one past the bounds, is not, and never runs. */
  register(task: OffloadTask): boolean
}
