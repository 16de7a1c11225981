import {
  type ChangeListener,
  type CoherenceMode,
  type DeleteStatus,
  envelopeId,
  type Feed,
  type Backend,
  type LeasePort,
  type StoreKey,
  type StoreLease,
  type StoreRead,
  type StoreWrite,
} from '../src/index.ts'
import { keyId } from '../src/key/key-format.ts'
import { MemoryStore } from './memory-store.ts'

export type Over = Parameters<LeasePort['take']>[1]

interface Held {
  readonly lease: StoreLease
  endsAt: number
}

/** A store that others could share: leases as the port describes them, and a feed that tells what the test says. */
export class SharedStore extends MemoryStore {
  readonly leaseMs: number = 1_000
  declare readonly layout?: Backend['layout']
  /** Leases by key, ended or not. */
  readonly held = new Map<string, Held>()
  /** What the store thinks of its entries, by key. */
  readonly trust = new Map<string, StoreRead['trust']>()
  /** What was to be replaced, of each take. */
  readonly taken: Over[] = []
  readonly released: string[] = []
  readonly feed: ToldFeed = new ToldFeed()
  readonly leases: LeasePort = {
    take: async (key, over) => {
      this.taken.push(over)
      return this.#take(key, over)
    },
    fill: async (key, lease, entry) => {
      if (this.held.get(key)?.lease !== lease) return false
      this.write(key, entry)
      return true
    },
    renew: async (key, lease) => {
      const held = this.held.get(key)
      if (held?.lease !== lease) return false
      held.endsAt = this.now() + this.leaseMs
      return true
    },
    release: async (key, lease) => {
      this.released.push(key)
      if (this.held.get(key)?.lease === lease) this.held.delete(key)
    },
    expire: async (key) => {
      this.held.delete(key)
      const bytes = this.entries.get(key)
      if (bytes === undefined) return false
      this.entries.set(key, markedStale(bytes))
      return true
    },
  }

  override read(key: string): StoreRead | undefined {
    const bytes = this.entries.get(key)
    return bytes === undefined ? undefined : { bytes, trust: this.trust.get(key) }
  }

  override write(key: string, entry: StoreWrite): void {
    this.held.delete(key)
    this.trust.delete(key)
    this.entries.set(key, entry.bytes)
  }

  override remove(key: string): DeleteStatus {
    this.held.delete(key)
    return super.remove(key)
  }

  #take(key: string, over: Over): Awaited<ReturnType<LeasePort['take']>> {
    const bytes = this.entries.get(key)
    const held = this.held.get(key)
    const forMs = (held?.endsAt ?? 0) - this.now()
    if (over === 'anything' || (bytes === undefined && forMs <= 0)) return this.#grant(key)
    if (bytes === undefined) return { is: 'held', forMs }
    const fits = typeof over === 'number' ? envelopeId(bytes) === over : isSame(bytes, over)
    if (!fits) return { is: 'found', read: { bytes, trust: this.trust.get(key) } }
    if (forMs > 0) return { is: 'held', forMs }
    if (typeof over !== 'number') this.entries.delete(key)
    return this.#grant(key)
  }

  #grant(key: string): Awaited<ReturnType<LeasePort['take']>> {
    const lease: StoreLease = { leaseMs: this.leaseMs }
    this.held.set(key, { lease, endsAt: this.now() + this.leaseMs })
    return { is: 'granted', lease }
  }
}

/** A feed that knows what it is told to know. */
export class ToldFeed<Key extends StoreKey = string> implements Feed<Key> {
  mode: CoherenceMode | undefined = 'tracking'
  maxStaleMs: number = 1_000
  copyMs: number = Number.POSITIVE_INFINITY
  fence: number = Number.NEGATIVE_INFINITY
  /** What it was asked, as `question keys`. */
  readonly asked: string[] = []
  readonly listeners = new Set<ChangeListener<Key>>()

  fenceOf(key: Key): number {
    this.asked.push(`fenceOf ${keyId(key)}`)
    return this.fence + 1
  }

  listen(listener: ChangeListener<Key>): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  async barrier(keys?: readonly Key[]): Promise<void> {
    this.asked.push(`barrier ${keys?.join() ?? 'all'}`)
  }

  stamp(keys?: readonly Key[]): string {
    this.asked.push(`stamp ${keys?.join() ?? 'all'}`)
    return 's1'
  }

  reached(stamp: string): boolean {
    return stamp === 's1'
  }

  changed(key: Key): void {
    for (const listener of this.listeners) listener.changed(key)
  }

  changedAll(): void {
    for (const listener of this.listeners) listener.changedAll()
  }
}

/** The envelope with the mark that it was made stale in its place. */
export function markedStale(envelope: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(envelope)
  bytes[bytes.length - 1] = 1
  return bytes
}

function isSame(bytes: Uint8Array, over: Over): boolean {
  return over instanceof Uint8Array && Buffer.compare(bytes, over) === 0
}
