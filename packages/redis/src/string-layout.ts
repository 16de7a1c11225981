import {
  type Clock,
  isPromise,
  type KeyFormat,
  type MaybePromise,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
  tellsAge,
} from '@hitbox/core'
import type { Audience } from './coherence/audience.ts'
import { change } from './coherence/change.ts'
import { type EpochPolicy, judged, vouched } from './epoch.ts'
import type { Exchange } from './exchange.ts'
import type { Layout } from './layout.ts'
import { lifeLeft } from './life-left.ts'
import type { Reply, Session, Word } from './session.ts'
import { stamp } from './stamp.ts'
import { msWord, word } from './words.ts'

/** Keys that one `MGET` names: a server answers nobody else meanwhile. */
const KEYS_AT_ONCE = 1_000
/** Of the end of an envelope: checksum and tail. No two writes have the same. */
const END_BYTES = 35
const END_AT = String(-END_BYTES)

/** What a string layout needs to know. */
export interface StringLayoutParts {
  readonly clock: Clock
  readonly keyFormat: KeyFormat
  readonly policy: EpochPolicy
  readonly audience: Audience
  /** Whether the server's time for a key is known here, so that an envelope alone tells what is left of it. */
  readonly timeKnown: (key: StoreKey) => boolean
}

/** What is sent of an entry. */
export interface Prepared {
  readonly bytes: Uint8Array
  /** What is left of its life, as a word: nothing for no end; 0 when it is over. */
  readonly ms: string | undefined | 0
}

/** The envelope under one key: `GET`, `SET … PX`, `MGET`. */
export class StringLayout implements Layout {
  readonly kind = 'envelope'
  readonly together: NonNullable<Layout['together']> = {
    keysAtOnce: KEYS_AT_ONCE,
    read: (session, keys) => this.#readTogether(session, keys),
  }
  readonly #parts: StringLayoutParts

  constructor(parts: StringLayoutParts) {
    this.#parts = parts
  }

  read(key: StoreKey): Exchange<StoreRead | undefined> {
    return new ReadOne(this, key)
  }

  write(session: Session, key: StoreKey, entry: StoreWrite, since: number): Promise<unknown> {
    session.keepTime()
    const prepared = this.prepare(session, key, entry, since)
    return isPromise(prepared)
      ? prepared.then((later) => this.#set(session, key, later))
      : this.#set(session, key, prepared)
  }

  /** Makes an entry ready to be sent now: vouched for, with the moment of its writing and what is left of its life. */
  prepare(
    session: Session,
    key: StoreKey,
    entry: StoreWrite,
    since: number,
  ): MaybePromise<Prepared> {
    if (tellsAge(entry.bytes)) return this.#prepared(session, entry.bytes, entry, since)
    return session.firstSample().then(() => {
      const at = session.time.when(since)
      const { keyFormat } = this.#parts
      const bytes = at === undefined ? entry.bytes : stamp(entry.bytes, key, keyFormat, at)
      return this.#prepared(session, bytes, entry, since)
    })
  }

  /** Whether the bytes alone tell what is left of their life. */
  suffices(key: StoreKey, bytes?: Uint8Array): boolean {
    return (bytes === undefined || tellsAge(bytes)) && this.#parts.timeKnown(key)
  }

  /** Whether the server vouches for what was read. */
  judge(read: StoreRead | undefined, session: Session): StoreRead | undefined {
    return read && judged(read, session, this.#parts.policy)
  }

  /**
   * Reads entries and what is left of them. That is asked for first: should an entry be replaced in between, the new one ends
   * early rather than the old one late.
   */
  async readWithLife(
    session: Session,
    keys: readonly StoreKey[],
  ): Promise<readonly (StoreRead | undefined)[]> {
    const sentAt = this.#parts.clock.now()
    const lives = Promise.all(keys.map((key) => session.send(['PTTL', word(key)])))
    const [left, replies] = await Promise.all([lives, values(session, keys)])
    const elapsed = this.#parts.clock.now() - sentAt
    return replies.map((reply, index) =>
      reply === null
        ? undefined
        : this.judge(
            { bytes: reply as Buffer, ttlMs: lifeLeft(left[index] as number, elapsed) },
            session,
          ),
    )
  }

  #prepared(session: Session, bytes: Uint8Array, { ttlMs }: StoreWrite, since: number): Prepared {
    const left = ttlMs - (this.#parts.clock.now() - since)
    return { bytes: vouched(bytes, session), ms: left <= 0 ? 0 : msWord(left) }
  }

  #set(session: Session, key: StoreKey, { bytes, ms }: Prepared): Promise<unknown> {
    const { audience } = this.#parts
    // Over while it waited to be sent: what it was to replace is not to come back.
    const over = ms === 0
    const name = word(key)
    const command: Word[] = over
      ? ['UNLINK', name]
      : ms === undefined
        ? ['SET', name, word(bytes)]
        : ['SET', name, word(bytes), 'PX', ms]
    if (audience.watched && !over) return this.#setAndLook(session, key, command, bytes)
    if (!audience.publishes(session)) return session.send(command)
    return change(session, { key, commands: [command], whole: false }, audience)
  }

  /** The server forgets who writes: it is to tell again from here on, and that nobody was faster must be seen. */
  #setAndLook(
    session: Session,
    key: StoreKey,
    command: readonly Word[],
    bytes: Uint8Array,
  ): Promise<void> {
    const { audience } = this.#parts
    const look = ['GETRANGE', word(key), END_AT, '-1']
    const commands = { key, commands: [command], look, whole: false }
    return change(session, commands, audience).then((replies) => {
      const end = replies.at(-1)
      if (!Buffer.isBuffer(end) || !isEndOf(bytes, end)) audience.raced(key)
    })
  }

  async #readTogether(
    session: Session,
    keys: readonly StoreKey[],
  ): Promise<readonly (StoreRead | undefined)[]> {
    session.keepTime()
    if (!keys.every((key) => this.suffices(key))) return this.readWithLife(session, keys)
    const replies = await values(session, keys)
    const reads: (StoreRead | undefined)[] = []
    let unaged: number[] | undefined
    for (let index = 0; index < replies.length; index += 1) {
      const bytes = replies[index] as Buffer | null
      if (bytes === null) reads.push(undefined)
      else {
        reads.push(this.judge({ bytes }, session))
        if (!this.suffices(keys[index] as StoreKey, bytes)) (unaged ??= []).push(index)
      }
    }
    if (unaged === undefined) return reads
    const again = await this.readWithLife(
      session,
      unaged.map((index) => keys[index] as StoreKey),
    )
    for (let at = 0; at < unaged.length; at += 1) reads[unaged[at] as number] = again[at]
    return reads
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
    if (this.#layout.suffices(this.#key, bytes)) return this.#layout.judge({ bytes }, session)
    return this.#layout.readWithLife(session, [this.#key]).then(([read]) => read)
  }
}

async function values(session: Session, keys: readonly StoreKey[]): Promise<readonly Reply[]> {
  const [first] = keys
  if (keys.length === 1 && first !== undefined) return [await session.send(['GET', word(first)])]
  const command: Word[] = ['MGET']
  for (const key of keys) command.push(word(key))
  return (await session.send(command)) as readonly Reply[]
}

/** Whether these are the last {@link END_BYTES}, or all there are. */
function isEndOf(bytes: Uint8Array, end: Buffer): boolean {
  const from = Math.max(0, bytes.length - END_BYTES)
  return end.compare(bytes, from) === 0
}
