import { randomBytes } from 'node:crypto'
import type { StoreKey } from '@hitbox/core'
import type { Word } from '../session.ts'
import { word } from '../words.ts'

const PREFIX = '::hitbox:changes:'
const SENDER_BYTES = 8

/** Where those who use this library tell each other what they change: who says it, and the key. */
export class Channel {
  readonly name: string
  readonly #sender = randomBytes(SENDER_BYTES)

  /** @param database - Messages reach all databases, keys do not. */
  constructor(database: number) {
    this.name = PREFIX + String(database)
  }

  /** The command that tells of a change. */
  message(key: StoreKey): readonly Word[] {
    return ['PUBLISH', this.name, Buffer.concat([this.#sender, Buffer.from(word(key))])]
  }

  /** The key that somebody else tells of; `undefined` for what was said here. */
  keyIn(message: Buffer): Buffer | undefined {
    if (message.subarray(0, SENDER_BYTES).equals(this.#sender)) return undefined
    return message.subarray(SENDER_BYTES)
  }
}
