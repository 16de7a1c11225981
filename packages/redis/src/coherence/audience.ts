import type { StoreKey } from '@hitbox/core'
import type { Session, Word } from '../session.ts'

/** Who is to learn of own changes. */
export interface Audience {
  /** Whether copies are kept of what this process wrote itself, so that the server must go on telling what becomes of it. */
  readonly watched: boolean
  /** Whether changes that are made on a connection have to be told to those whom the server does not tell. */
  publishes(session: Session): boolean
  /** The command that tells them. */
  message(key: StoreKey): readonly Word[]
  /** Somebody else has changed what was just written. */
  raced(key: StoreKey): void
}

/** Nobody. */
export const NOBODY: Audience = Object.freeze({
  watched: false,
  publishes: () => false,
  message: () => [],
  raced: () => undefined,
})
