import type { Random } from '../../contract/random.ts'
import { RespClient } from '../../servers/resp-client.ts'

/** How the next loads of an instance hang. */
interface Hang {
  loads: number
  readonly forMs: number
}

/** What everything is loaded from: versions in a server that nothing befalls. */
export class Source {
  readonly #client: RespClient
  readonly #random: Random
  #hang: Hang | undefined

  /** @param random - Decides how long loads take. */
  constructor(socket: string, random: Random) {
    this.#client = new RespClient(socket)
    this.#random = random
  }

  /** @returns the new version. */
  async write(key: string): Promise<number> {
    return Number(await this.#client.send(['INCR', key]))
  }

  /** The version is that of the beginning, so that what changes meanwhile makes the answer an old one. */
  async load(key: string, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted()
    const reply = await this.#client.send(['GET', key])
    const version = reply instanceof Uint8Array ? new TextDecoder().decode(reply) : 0
    await pause(this.#hangMs() ?? this.#delayMs(), signal)
    return Number(version)
  }

  /** @param forMs - `Infinity` for never. */
  hangNext(loads: number, forMs: number): void {
    this.#hang = { loads, forMs }
  }

  close(): void {
    this.#client.close()
  }

  #hangMs(): number | undefined {
    const hang = this.#hang
    if (hang === undefined || hang.loads === 0) return undefined
    hang.loads -= 1
    return hang.forMs
  }

  /** Mostly fast, sometimes slow, like a database. */
  #delayMs(): number {
    return this.#random(10) === 0 ? this.#random(60) : this.#random(12)
  }
}

function pause(forMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = forMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(end, forMs).unref()
    function end(): void {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
