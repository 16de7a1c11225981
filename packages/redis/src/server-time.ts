/** How far two clocks may drift apart, as a part of the time that passes; quartz is ten times better. */
const DRIFT = 200e-6

/**
 * Knows a server's time from what its `TIME` answered. The true difference of the clocks lies between what it would be had
 * the server answered at the moment of sending and at the moment of receiving; several samples narrow that down.
 */
export class ServerTime {
  #low = 0
  #high = 0
  #at: number | undefined

  get known(): boolean {
    return this.#at !== undefined
  }

  /** @param local - A moment of this process's clock. @returns the server's time then, or `undefined` while not known. */
  when(local: number): number | undefined {
    return this.#at === undefined ? undefined : local + (this.#low + this.#high) / 2
  }

  /** @param local - A moment of this process's clock. @returns the latest that the server's time can be then, if anything is known. */
  latest(local: number): number | undefined {
    if (this.#at === undefined) return undefined
    return local + this.#high + DRIFT * Math.max(0, local - this.#at)
  }

  /**
   * @param sent - When `TIME` was sent, by this process's clock.
   * @param received - When the answer was here.
   * @param server - The answer in ms.
   */
  learn(sent: number, received: number, server: number): void {
    let low = server - received
    let high = server - sent
    if (this.#at !== undefined) {
      const drift = DRIFT * (received - this.#at)
      const narrowLow = Math.max(low, this.#low - drift)
      const narrowHigh = Math.min(high, this.#high + drift)
      // Where they contradict each other, one of the clocks was set, and the past is no help.
      if (narrowLow <= narrowHigh) [low, high] = [narrowLow, narrowHigh]
    }
    this.#low = low
    this.#high = high
    this.#at = received
  }
}
