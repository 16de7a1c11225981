/** Whether a server tells on one connection what others change. */
export class Tracking {
  /** Whether the server was asked. */
  tried = false
  /** Whether it does. */
  on = false
  /** When it was asked, on this process's clock: nothing that is read from then on changes unheard. */
  since: number = Number.NEGATIVE_INFINITY
  /** The server's time in its last answer that came in order with what it tells, in ms. */
  toldAt: number = Number.NEGATIVE_INFINITY
  /** Whether it does not let those be told. */
  mute = false
  #probe: string | undefined
  #seen = false

  /** Whether the change of the probe was told. */
  get seen(): boolean {
    return this.#seen
  }

  /** The key that is changed to see whether that is told; `undefined` where there is none. */
  get probe(): string | undefined {
    return this.#probe
  }

  /** Begins a test: from now on the change of this key is no news to anybody else. */
  expect(probe: string | undefined): void {
    this.tried = true
    this.#probe = probe
    this.#seen = false
  }

  /** @returns whether what was told belongs to the test. */
  isProbe(key: string | Buffer | null): boolean {
    if (this.#probe === undefined || key === null || String(key) !== this.#probe) return false
    this.#seen = true
    return true
  }
}
