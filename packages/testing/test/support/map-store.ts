import { deserialize, serialize } from 'node:v8'
import {
  type Backend,
  CacheError,
  type Clock,
  type DeleteStatus,
  deleteStatus,
  type Format,
  hashed,
  identityCompressor,
  type StoreRead,
  type StoreWrite,
  urlEncoded,
} from '@hitbox/core'

export const structured: Format = {
  id: 'structured',
  encode(value) {
    try {
      return Uint8Array.from(serialize(value))
    } catch (cause) {
      const details = { format: 'structured' }
      throw new CacheError('ENCODE_FAILED', 'a value cannot be kept', { details, cause })
    }
  },
  // A copy, or bytes inside the value would point into what was stored.
  decode: (bytes) => deserialize(Uint8Array.from(bytes)),
}

/** What is stored under one key. */
export interface Stored {
  readonly bytes: Uint8Array
  /** On the store's own clock. */
  readonly endsAt: number
}

/** A store that does everything right, in forty lines, for defects to be put into. */
export class MapStore implements Backend {
  readonly label: string = 'map'
  readonly keyFormat = hashed(urlEncoded)
  readonly valueFormat: Format = structured
  readonly compressor = identityCompressor
  readonly entries: Map<string, Stored>
  readonly clock: Clock

  constructor(clock: Clock, entries: Map<string, Stored> = new Map()) {
    this.clock = clock
    this.entries = entries
  }

  read(key: string): StoreRead | undefined {
    const stored = this.entries.get(key)
    return stored && { bytes: stored.bytes, ttlMs: stored.endsAt - this.clock.now() }
  }

  write(key: string, { bytes, ttlMs }: StoreWrite): void {
    this.entries.set(key, { bytes, endsAt: this.clock.now() + ttlMs })
  }

  remove(key: string): DeleteStatus {
    const stored = this.entries.get(key)
    this.entries.delete(key)
    return deleteStatus(stored !== undefined && stored.endsAt > this.clock.now() ? 1 : 0)
  }
}
