import type { StoreKey } from '@hitbox/core'
import type { Line, Route } from './line.ts'

/** Which way which key goes. */
export interface Topology {
  /** Whether one command may name several keys. */
  readonly together: boolean
  /** To where a key is written. */
  primary(key: StoreKey): Route
  /** To where a key is read. */
  reader(key: StoreKey): Route
  /** A further line, to wherever messages of all servers come, that nothing else is sent on; to be closed by who asked for it. */
  aside(): (Line & { close(): void }) | undefined
  /** Lines that must answer for the backend to be usable. @param timeoutMs - How long finding them may take. */
  all(timeoutMs: number): Promise<readonly Line[]>
  close(): void
}
