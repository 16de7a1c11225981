import {
  type Backend,
  type Compressor,
  type DeleteStatus,
  deleteStatus,
  type Format,
  identityCompressor,
  type StoreRead,
  type StoreWrite,
  urlEncoded,
} from '../src/index.ts'

/** The plainest possible format: what JSON can keep. */
export const plainJson: Format = {
  id: 'json',
  encode: (value) => new TextEncoder().encode(JSON.stringify({ value })),
  decode: (bytes) =>
    (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as { value?: unknown })
      .value,
}

/** A store on a Map that keeps nothing but bytes; the envelope does the rest. */
export class MemoryStore implements Backend {
  readonly label: string = 'store'
  readonly keyFormat = urlEncoded
  readonly valueFormat: Format = plainJson
  readonly compressor: Compressor = identityCompressor
  readonly entries: Map<string, Uint8Array> = new Map()
  readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** The same entries behind other parts. */
  with<Changes extends Partial<Backend>>(changes: Changes): MemoryStore & Changes {
    const { entries } = this
    return Object.assign(new MemoryStore(this.now), { entries, ...changes })
  }

  storeTime(): number | undefined {
    return this.now()
  }

  read(key: string): StoreRead | undefined | Promise<StoreRead | undefined> {
    const bytes = this.entries.get(key)
    return bytes === undefined ? undefined : { bytes }
  }

  write(key: string, entry: StoreWrite): void | Promise<void> {
    this.entries.set(key, entry.bytes)
  }

  remove(key: string): DeleteStatus {
    return deleteStatus(this.entries.delete(key) ? 1 : 0)
  }
}
