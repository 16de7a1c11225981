import type { Clock, StoreKey, StoreRead, StoreWrite } from '@hitbox/core'
import type { Audience } from './coherence/audience.ts'
import { change } from './coherence/change.ts'
import type { Exchange } from './exchange.ts'
import type { Layout } from './layout.ts'
import { lifeLeft } from './life-left.ts'
import type { Session, Word } from './session.ts'
import { msWord, word } from './words.ts'

/** What `PTTL` answers for a key that is not there. */
const NO_KEY = -2

/**
 * The bare value in field `d` and when it goes stale in field `s`, in ms since 1970 by the server's time; expiry is the key's own.
 * The Rust framework reads and writes the same.
 */
export class HashLayout implements Layout {
  readonly kind = 'raw'
  readonly #clock: Clock
  readonly #audience: Audience

  constructor(clock: Clock, audience: Audience) {
    this.#clock = clock
    this.#audience = audience
  }

  read(key: StoreKey): Exchange<StoreRead | undefined> {
    return {
      send: (session) => this.#read(session, key),
      take: (read) => read as StoreRead | undefined,
    }
  }

  /** Sent as a transaction, so that nobody sees fields of two values, or a value without its end. */
  async write(
    session: Session,
    key: StoreKey,
    { bytes, ttlMs, freshMs }: StoreWrite,
    since: number,
  ): Promise<unknown> {
    const goesStale = freshMs < ttlMs
    session.keepTime()
    if (goesStale && !session.time.known) await session.firstSample()
    const name = word(key)
    const left = ttlMs - (this.#clock.now() - since)
    if (left <= 0) {
      return change(session, { key, commands: [['UNLINK', name]], whole: false }, this.#audience)
    }
    const stale = goesStale ? ['s', String(this.#staleAt(session, since, freshMs))] : []
    const ms = msWord(left)
    const commands: Word[][] = [
      // The fields and the expiry of what was there would stay.
      ['UNLINK', name],
      ['HSET', name, 'd', word(bytes), ...stale],
      ...(ms === undefined ? [] : [['PEXPIRE', name, ms]]),
    ]
    // The server forgets who writes, and is to tell again from here on.
    const look = this.#audience.watched ? ['HMGET', name, 's'] : undefined
    return change(session, { key, commands, look, whole: true }, this.#audience)
  }

  /** Expiry is asked for before and after: should the entry be replaced in between, the shorter life holds for whichever was read. */
  async #read(session: Session, key: StoreKey): Promise<StoreRead | undefined> {
    session.keepTime()
    const name = word(key)
    const sentAt = this.#clock.now()
    const [before, fields, after] = await Promise.all([
      session.send(['PTTL', name]),
      session.send(['HMGET', name, 'd', 's']),
      session.send(['PTTL', name]),
    ])
    const [bytes, stale] = fields as readonly [Buffer | null, Buffer | null]
    if (bytes === null || before === NO_KEY || after === NO_KEY) return undefined
    const now = this.#clock.now()
    const elapsed = now - sentAt
    const ttlMs = Math.min(lifeLeft(before as number, elapsed), lifeLeft(after as number, elapsed))
    if (stale === null) return { bytes, ttlMs }
    const freshMs = Number(stale) - this.#serverTime(session, now)
    // What is no number is no promise of freshness.
    return { bytes, ttlMs, freshMs: Number.isNaN(freshMs) ? 0 : freshMs }
  }

  /** Rather early than late; what is stale already is stale by any clock. */
  #staleAt(session: Session, since: number, freshMs: number): number {
    return freshMs === 0 ? 0 : Math.floor(this.#serverTime(session, since) + freshMs)
  }

  /** Where the server does not tell its time, the clocks of both are taken to agree, as the Rust framework does. */
  #serverTime(session: Session, local: number): number {
    return session.time.when(local) ?? local
  }
}
