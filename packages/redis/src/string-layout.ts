import {
  type Clock,
  type KeyFormat,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
  tellsAge,
} from '@hitbox/core'
import type { Layout, Parcel } from './layout.ts'
import { lifeLeft } from './life-left.ts'
import type { Reply, Session, Word } from './session.ts'
import { stamp } from './stamp.ts'
import { msWord, word } from './words.ts'

/** Keys that one `MGET` names: a server answers nobody else meanwhile. */
const KEYS_AT_ONCE = 1_000

/** The envelope under one key: `GET`, `SET … PX`, `MGET`. */
export class StringLayout implements Layout {
  readonly kind = 'envelope'
  readonly #clock: Clock
  readonly #keyFormat: KeyFormat
  /** Whether the server's time for a key is known here, so that an envelope alone tells what is left of it. */
  readonly #timeKnown: (key: StoreKey) => boolean

  constructor(clock: Clock, keyFormat: KeyFormat, timeKnown: (key: StoreKey) => boolean) {
    this.#clock = clock
    this.#keyFormat = keyFormat
    this.#timeKnown = timeKnown
  }

  read(session: Session, key: StoreKey): Promise<StoreRead | undefined> {
    session.keepTime()
    if (!this.#timeKnown(key)) return this.#readWithLife(session, key)
    return session.send(['GET', word(key)]).then((reply) => {
      if (reply === null) return undefined
      const bytes = reply as Buffer
      return this.#suffices(key, bytes) ? { bytes } : this.#readWithLife(session, key)
    })
  }

  readMany(
    session: Session,
    keys: readonly StoreKey[],
    together: boolean,
  ): Parcel<StoreRead | undefined>[] {
    session.keepTime()
    const parcels: Parcel<StoreRead | undefined>[] = []
    const count = together ? KEYS_AT_ONCE : 1
    for (let at = 0; at < keys.length; at += count) {
      const some = keys.slice(at, at + count)
      parcels.push({ count: some.length, answer: this.#readSome(session, some) })
    }
    return parcels
  }

  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown> {
    session.keepTime()
    if (tellsAge(entry.bytes)) return session.send(setCommand(key, entry.bytes, entry.ttlMs))
    return session.firstSample().then(() => {
      const writtenAt = session.time.when(since)
      const bytes =
        writtenAt === undefined ? entry.bytes : stamp(entry.bytes, key, this.#keyFormat, writtenAt)
      return session.send(setCommand(key, bytes, entry.ttlMs))
    })
  }

  async #readSome(
    session: Session,
    keys: readonly StoreKey[],
  ): Promise<readonly (StoreRead | undefined)[]> {
    const [first] = keys
    if (first === undefined) return []
    if (!this.#timeKnown(first)) return this.#readSomeWithLife(session, keys)
    const replies = await values(session, keys)
    const reads = replies.map((reply) => (reply === null ? undefined : { bytes: reply as Buffer }))
    const unaged = keys.flatMap((key, index) => {
      const read = reads[index]
      return read === undefined || this.#suffices(key, read.bytes) ? [] : [index]
    })
    if (unaged.length === 0) return reads
    const again = await this.#readSomeWithLife(
      session,
      unaged.map((index) => keys[index] as StoreKey),
    )
    const complete: (StoreRead | undefined)[] = [...reads]
    for (let at = 0; at < unaged.length; at += 1) complete[unaged[at] as number] = again[at]
    return complete
  }

  /** What is left is asked for first: should the entry be replaced in between, the new one ends early rather than the old one late. */
  async #readSomeWithLife(
    session: Session,
    keys: readonly StoreKey[],
  ): Promise<readonly (StoreRead | undefined)[]> {
    const sentAt = this.#clock.now()
    const lives = Promise.all(keys.map((key) => session.send(['PTTL', word(key)])))
    const [left, replies] = await Promise.all([lives, values(session, keys)])
    const elapsed = this.#clock.now() - sentAt
    return replies.map((reply, index) =>
      reply === null
        ? undefined
        : { bytes: reply as Buffer, ttlMs: lifeLeft(left[index] as number, elapsed) },
    )
  }

  async #readWithLife(session: Session, key: StoreKey): Promise<StoreRead | undefined> {
    const [read] = await this.#readSomeWithLife(session, [key])
    return read
  }

  #suffices(key: StoreKey, bytes: Uint8Array): boolean {
    return tellsAge(bytes) && this.#timeKnown(key)
  }
}

async function values(session: Session, keys: readonly StoreKey[]): Promise<readonly Reply[]> {
  const [first] = keys
  if (keys.length === 1 && first !== undefined) return [await session.send(['GET', word(first)])]
  return (await session.send(['MGET', ...keys.map(word)])) as readonly Reply[]
}

function setCommand(key: StoreKey, bytes: Uint8Array, ttlMs: number): Word[] {
  const ms = msWord(ttlMs)
  return ms === undefined
    ? ['SET', word(key), word(bytes)]
    : ['SET', word(key), word(bytes), 'PX', ms]
}
