import type { Reply } from '../servers/resp.ts'

/** What a proxy has seen since it was made, or since it was told to count anew. */
export interface WireStats {
  readonly connections: number
  /** Connections that are open now. */
  readonly open: number
  readonly bytesToServer: number
  readonly bytesToClient: number
  /** Chunks from clients. One write is one chunk, unless it is larger than about 64 KB or another follows at once. */
  readonly writes: number
  /** Commands of the Redis protocol from clients. Means nothing when the traffic is something else, or encrypted. */
  readonly commands: number
  /** The same by name, in lower case. */
  readonly commandNames: Readonly<Record<string, number>>
}

/** The writable side of {@link WireStats}. */
export class WireCounts {
  #connections = 0
  #bytesToServer = 0
  #bytesToClient = 0
  #writes = 0
  #names: string[] = []

  connected(): void {
    this.#connections += 1
  }

  sent(bytes: number, commands: readonly Reply[]): void {
    this.#bytesToServer += bytes
    this.#writes += 1
    for (const command of commands) this.#names.push(nameOf(command))
  }

  received(bytes: number): void {
    this.#bytesToClient += bytes
  }

  clear(): void {
    this.#connections = 0
    this.#bytesToServer = 0
    this.#bytesToClient = 0
    this.#writes = 0
    this.#names = []
  }

  snapshot(open: number): WireStats {
    const commandNames: Record<string, number> = {}
    for (const name of this.#names) commandNames[name] = (commandNames[name] ?? 0) + 1
    return {
      connections: this.#connections,
      open,
      bytesToServer: this.#bytesToServer,
      bytesToClient: this.#bytesToClient,
      writes: this.#writes,
      commands: this.#names.length,
      commandNames,
    }
  }
}

function nameOf(command: Reply): string {
  const word = Array.isArray(command) ? (command as readonly Reply[])[0] : command
  const text = word instanceof Uint8Array ? new TextDecoder().decode(word) : String(word)
  return (text.split(' ')[0] as string).toLowerCase()
}
