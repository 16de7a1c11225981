import type { Line, Waiter } from '../line.ts'

/** The way of keys whose node is not known: whoever comes waits until the cluster was asked, and then looks again. */
export class Undiscovered implements Line {
  readonly session = undefined
  readonly droppable = true
  readonly #discover: () => Promise<unknown>
  readonly #waiters = new Set<Waiter>()

  constructor(discover: () => Promise<unknown>) {
    this.#discover = discover
  }

  join(waiter: Waiter): void {
    this.#waiters.add(waiter)
    this.#discover().then(
      () => this.#tell(waiter, new Error('no node of the cluster serves the key')),
      (error: unknown) => this.#tell(waiter, error),
    )
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
  }

  suspect(): void {
    // There is no connection.
  }

  trust(): void {
    // There is no connection.
  }

  drop(): void {
    // There is no connection.
  }

  demoted(): void {
    // There is no connection.
  }

  doubt(): void {
    // The cluster is being asked.
  }

  #tell(waiter: Waiter, error: unknown): void {
    if (this.#waiters.delete(waiter)) waiter.reject(error)
  }
}
