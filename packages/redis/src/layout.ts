import type { StoreKey, StoreRead, StoreWrite } from '@hitbox/core'
import type { Session } from './session.ts'

/** One command of a batch, or a few that belong together: the answers for the next `count` keys. */
export interface Parcel<T> {
  readonly count: number
  readonly answer: Promise<readonly T[]>
}

/** Which commands keep an entry. Each method sends everything it can at once, so that it leaves in one write. */
export interface Layout {
  readonly kind: 'envelope' | 'raw'
  read(session: Session, key: StoreKey): Promise<StoreRead | undefined>
  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown>
  /** @param together - Whether one command may name several keys. */
  readMany(
    session: Session,
    keys: readonly StoreKey[],
    together: boolean,
  ): Parcel<StoreRead | undefined>[]
}
