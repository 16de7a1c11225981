import type { StoreKey, StoreRead, StoreWrite } from '@hitbox/core'
import type { Exchange } from './exchange.ts'
import type { Session } from './session.ts'

/** Which commands keep an entry. What is sent is sent at once, so that it leaves in one write. */
export interface Layout {
  readonly kind: 'envelope' | 'raw'
  read(key: StoreKey): Exchange<StoreRead | undefined>
  /** @param since - From which moment of this process's clock the lengths in `entry` count. */
  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown>
  /** Reads several keys of one server with one command, where there is one; `keysAtOnce` says how many it should name at most. */
  readonly together?: {
    readonly keysAtOnce: number
    read(session: Session, keys: readonly StoreKey[]): Promise<readonly (StoreRead | undefined)[]>
  }
}
