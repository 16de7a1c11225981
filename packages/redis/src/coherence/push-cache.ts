import { BasicClientSideCache } from '@redis/client'

/**
 * Where node-redis hands in what a server tells unasked, while it reads: before what is answered later reaches anybody. It is not used as
 * the cache that it stands for, since commands are sent past it; and whether the server can track is tested elsewhere, so the command that it
 * adds to the login is one that nobody is denied.
 */
export class PushCache extends BasicClientSideCache {
  readonly #told: (key: string | Buffer | null) => void

  constructor(told: (key: string | Buffer | null) => void) {
    super()
    this.#told = told
  }

  override trackingOn(): string[] {
    return ['HELLO', '3']
  }

  override invalidate(key: string | Buffer | null): void {
    this.#told(key)
  }

  override onError(): void {
    // The end of the connection is told elsewhere.
  }
}
