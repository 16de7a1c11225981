import {
  type Clock,
  type KeyFormat,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
  tellsAge,
} from '@hitbox/core'
import type { Exchange } from './exchange.ts'
import type { Layout } from './layout.ts'
import { lifeLeft } from './life-left.ts'
import type { Reply, Session, Word } from './session.ts'
import { stamp } from './stamp.ts'
import { msWord, word } from './words.ts'

/** Keys that one `MGET` names: a server answers nobody else meanwhile. */
const KEYS_AT_ONCE = 1_000

/** The envelope under one key: `GET`, `SET … PX`, `MGET`. */
export class StringLayout implements Layout {
  readonly kind = 'envelope'
  readonly together: NonNullable<Layout['together']> = {
    keysAtOnce: KEYS_AT_ONCE,
    read: (session, keys) => this.#readTogether(session, keys),
  }
  readonly #clock: Clock
  readonly #keyFormat: KeyFormat
  /** Whether the server's time for a key is known here, so that an envelope alone tells what is left of it. */
  readonly #timeKnown: (key: StoreKey) => boolean

  constructor(clock: Clock, keyFormat: KeyFormat, timeKnown: (key: StoreKey) => boolean) {
    this.#clock = clock
    this.#keyFormat = keyFormat
    this.#timeKnown = timeKnown
  }

  read(key: StoreKey): Exchange<StoreRead | undefined> {
    return new ReadOne(this, key)
  }

  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown> {
    session.keepTime()
    if (tellsAge(entry.bytes)) return this.#set(session, key, entry, since)
    return session.firstSample().then(() => {
      const at = session.time.when(since)
      const bytes = at === undefined ? entry.bytes : stamp(entry.bytes, key, this.#keyFormat, at)
      return this.#set(session, key, { ...entry, bytes }, since)
    })
  }

  /** Whether the bytes alone tell what is left of their life. */
  suffices(key: StoreKey, bytes?: Uint8Array): boolean {
    return (bytes === undefined || tellsAge(bytes)) && this.#timeKnown(key)
  }

  /**
   * Reads entries and what is left of them. That is asked for first: should an entry be replaced in between, the new one ends
   * early rather than the old one late.
   */
  async readWithLife(
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

  #set(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown> {
    const { bytes, ttlMs } = entry
    const left = ttlMs - (this.#clock.now() - since)
    // Over while it waited to be sent: what it was to replace is not to come back.
    if (left <= 0) return session.send(['UNLINK', word(key)])
    const ms = msWord(left)
    const command: Word[] = ['SET', word(key), word(bytes)]
    if (ms !== undefined) command.push('PX', ms)
    return session.send(command)
  }

  async #readTogether(
    session: Session,
    keys: readonly StoreKey[],
  ): Promise<readonly (StoreRead | undefined)[]> {
    session.keepTime()
    if (!keys.every((key) => this.suffices(key))) return this.readWithLife(session, keys)
    const replies = await values(session, keys)
    const reads = replies.map((reply) => (reply === null ? undefined : { bytes: reply as Buffer }))
    const unaged = keys.flatMap((key, index) => {
      const read = reads[index]
      return read === undefined || this.suffices(key, read.bytes) ? [] : [index]
    })
    if (unaged.length === 0) return reads
    const again = await this.readWithLife(
      session,
      unaged.map((index) => keys[index] as StoreKey),
    )
    const complete: (StoreRead | undefined)[] = [...reads]
    for (let at = 0; at < unaged.length; at += 1) complete[unaged[at] as number] = again[at]
    return complete
  }
}

class ReadOne implements Exchange<StoreRead | undefined> {
  readonly #layout: StringLayout
  readonly #key: StoreKey
  #withLife = false

  constructor(layout: StringLayout, key: StoreKey) {
    this.#layout = layout
    this.#key = key
  }

  send(session: Session): Promise<unknown> {
    session.keepTime()
    this.#withLife = !this.#layout.suffices(this.#key)
    return this.#withLife
      ? this.#layout.readWithLife(session, [this.#key])
      : session.send(['GET', word(this.#key)])
  }

  take(replies: unknown, session: Session): StoreRead | undefined | Promise<StoreRead | undefined> {
    if (this.#withLife) return (replies as readonly (StoreRead | undefined)[])[0]
    if (replies === null) return undefined
    const bytes = replies as Buffer
    if (this.#layout.suffices(this.#key, bytes)) return { bytes }
    return this.#layout.readWithLife(session, [this.#key]).then(([read]) => read)
  }
}

async function values(session: Session, keys: readonly StoreKey[]): Promise<readonly Reply[]> {
  const [first] = keys
  if (keys.length === 1 && first !== undefined) return [await session.send(['GET', word(first)])]
  return (await session.send(['MGET', ...keys.map(word)])) as readonly Reply[]
}
