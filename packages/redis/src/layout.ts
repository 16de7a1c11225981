import type { StoreKey, StoreRead, StoreWrite } from '@hitbox/core'
import type { Exchange } from './exchange.ts'
import type { Session } from './session.ts'

/** One command of a batch, or a few that belong together: the answers for the next `count` keys. */
export interface Parcel<T> {
  readonly count: number
  readonly answer: Promise<readonly T[]>
}

/** Which commands keep an entry. What is sent is sent at once, so that it leaves in one write. */
export interface Layout {
  readonly kind: 'envelope' | 'raw'
  read(key: StoreKey): Exchange<StoreRead | undefined>
  /** @param since - From which moment of this process's clock the lengths in `entry` count. */
  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown>
  /** @param together - Whether one command may name several keys. */
  readMany(
    session: Session,
    keys: readonly StoreKey[],
    together: boolean,
  ): Parcel<StoreRead | undefined>[]
}
