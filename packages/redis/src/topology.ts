import type { StoreKey } from '@hitbox/core'
import type { Line } from './line.ts'

/** Which line serves which key. */
export interface Topology {
  /** Whether one command may name several keys. */
  readonly together: boolean
  /** Where a key is written. */
  primary(key: StoreKey): Line
  /** Where a key is read. */
  reader(key: StoreKey): Line
  /** Lines that must answer for the backend to be usable. @param timeoutMs - How long finding them may take. */
  all(timeoutMs: number): Promise<readonly Line[]>
  close(): void
}
