import {
  type Backend,
  type Clock,
  type DeleteStatus,
  deleteStatus,
  type Format,
  identityCompressor,
  type StoreRead,
  type StoreWrite,
  systemClock,
  urlEncoded,
} from '@hitbox/core'

/** Bytes in a map, behind promises. */
export class MapStore implements Backend {
  readonly label = 'store'
  readonly keyFormat = urlEncoded
  readonly valueFormat: Format
  readonly compressor = identityCompressor
  readonly #bytes = new Map<string, StoreWrite>()

  readonly #clock: Clock

  constructor(valueFormat: Format, clock: Clock = systemClock) {
    this.valueFormat = valueFormat
    this.#clock = clock
  }

  storeTime(): number {
    return this.#clock.now()
  }

  async read(key: string): Promise<StoreRead | undefined> {
    const found = this.#bytes.get(key)
    return found === undefined ? undefined : { bytes: found.bytes }
  }

  async write(key: string, entry: StoreWrite): Promise<void> {
    this.#bytes.set(key, entry)
  }

  async remove(key: string): Promise<DeleteStatus> {
    return deleteStatus(this.#bytes.delete(key) ? 1 : 0)
  }
}
