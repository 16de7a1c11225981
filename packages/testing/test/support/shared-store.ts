import {
  CacheError,
  type ChangeListener,
  type Clock,
  type CoherenceMode,
  type DeleteStatus,
  envelopeId,
  type Feed,
  type LeasePort,
  type StoreLease,
  type StoreLeaseAnswer,
  type StoreRead,
  type StoreWrite,
} from '@hitbox/core'
import type { BackendSubject } from '@hitbox/testing'
import { having } from './broken.ts'
import { MapStore, type Stored } from './map-store.ts'
import { mapSubject } from './map-subject.ts'

export type Over = Parameters<LeasePort['take']>[1]

export interface Held {
  readonly lease: StoreLease
  readonly endsAt: number
}

/** What several stores share, as a server would hold it: entries, leases, and who is to be told of changes. */
export class SharedMap extends Map<string, Stored> {
  readonly held = new Map<string, Held>()
  readonly feeds = new Set<SharedFeed>()
  changes = 0

  /** @param by - Who needs not be told. */
  changed(key: string, by: SharedFeed): void {
    this.changes += 1
    for (const feed of this.feeds) if (feed !== by) feed.hear(key, this.changes)
  }
}

export const LEASE_MS = 300

/** A store on a map that others share: leases, and a feed that tells later what they did. Right, for defects to be put into. */
export class SharedStore extends MapStore {
  readonly map: SharedMap
  readonly feed: SharedFeed
  readonly leases: SharedLeases

  constructor(clock: Clock, entries: Map<string, Stored> = new SharedMap()) {
    super(clock, entries)
    this.map = entries as SharedMap
    this.feed = new SharedFeed(this.map, clock)
    this.leases = new SharedLeases(this)
  }

  override write(key: string, entry: StoreWrite): void {
    this.map.held.delete(key)
    super.write(key, entry)
    this.map.changed(key, this.feed)
  }

  override remove(key: string): DeleteStatus {
    this.map.held.delete(key)
    const status = super.remove(key)
    this.map.changed(key, this.feed)
    return status
  }

  close(): void {
    this.map.feeds.delete(this.feed)
  }
}

export class SharedLeases implements LeasePort {
  readonly store: SharedStore

  constructor(store: SharedStore) {
    this.store = store
  }

  async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    const { map, clock } = this.store
    const read = this.current(key)
    const forMs = (map.held.get(key)?.endsAt ?? 0) - clock.now()
    if (over === 'anything' || (read === undefined && forMs <= 0)) return this.grant(key)
    if (read === undefined) return { is: 'held', forMs }
    if (!isMeant(read.bytes, over)) return { is: 'found', read }
    if (forMs > 0) return { is: 'held', forMs }
    if (typeof over !== 'number') map.delete(key)
    return this.grant(key)
  }

  async fill(key: string, lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    if (this.store.map.held.get(key)?.lease !== lease) return false
    this.store.write(key, entry)
    return true
  }

  async renew(key: string, lease: StoreLease): Promise<boolean> {
    if (this.store.map.held.get(key)?.lease !== lease) return false
    this.hold(key, lease)
    return true
  }

  async release(key: string, lease: StoreLease): Promise<void> {
    const { held } = this.store.map
    if (held.get(key)?.lease === lease) held.delete(key)
  }

  async expire(key: string): Promise<boolean> {
    const { map, feed } = this.store
    map.held.delete(key)
    const stored = map.get(key)
    if (stored === undefined || this.current(key) === undefined) return false
    const bytes = Uint8Array.from(stored.bytes)
    bytes[bytes.length - 1] = 1
    map.set(key, { ...stored, bytes })
    map.changed(key, feed)
    return true
  }

  grant(key: string): StoreLeaseAnswer {
    const lease: StoreLease = { leaseMs: LEASE_MS }
    this.hold(key, lease)
    return { is: 'granted', lease }
  }

  hold(key: string, lease: StoreLease): void {
    this.store.map.held.set(key, { lease, endsAt: this.store.clock.now() + lease.leaseMs })
  }

  current(key: string): StoreRead | undefined {
    const read = this.store.read(key)
    return read === undefined || (read.ttlMs ?? 1) > 0 ? read : undefined
  }
}

interface News {
  readonly key: string
  readonly change: number
  /** When it was acknowledged to who did it. */
  readonly at: number
}

/** Tells changes in their order, some turns after they were made. */
export class SharedFeed implements Feed {
  readonly maxStaleMs: number = 90
  readonly copyMs: number = Number.POSITIVE_INFINITY
  readonly map: SharedMap
  readonly clock: Clock
  readonly listeners = new Set<{ readonly listener: ChangeListener }>()
  news: News[] = []

  constructor(map: SharedMap, clock: Clock) {
    this.map = map
    this.clock = clock
  }

  get mode(): CoherenceMode | undefined {
    return this.listeners.size === 0 ? undefined : 'tracking'
  }

  get fence(): number {
    if (this.listeners.size === 0) return Number.NEGATIVE_INFINITY
    return this.news[0]?.at ?? this.clock.now()
  }

  fenceOf(_key: string): number {
    return this.fence
  }

  listen(listener: ChangeListener): () => void {
    const own = { listener }
    this.listeners.add(own)
    this.map.feeds.add(this)
    return () => {
      this.listeners.delete(own)
      if (this.listeners.size > 0) return
      this.map.feeds.delete(this)
      this.news = []
    }
  }

  async barrier(_keys?: readonly string[]): Promise<void> {
    if (this.listeners.size === 0) {
      throw new CacheError('UNSUPPORTED', 'nobody listens', { details: { feature: 'barrier' } })
    }
    await turn()
    this.tell()
  }

  stamp(_keys?: readonly string[]): string {
    return `c${this.map.changes}`
  }

  reached(stamp: string): boolean {
    if (this.listeners.size === 0 || !/^c\d+$/.test(stamp)) return false
    return Number(stamp.slice(1)) < (this.news[0]?.change ?? Number.POSITIVE_INFINITY)
  }

  hear(key: string, change: number): void {
    this.news.push({ key, change, at: this.clock.now() })
    void turn().then(() => this.tell())
  }

  tell(): void {
    const { news } = this
    this.news = []
    for (const { key } of news) for (const { listener } of this.listeners) listener.changed(key)
  }
}

/** The subject of a store that others share, right or broken. */
export function sharedSubject(Store: typeof SharedStore = SharedStore): BackendSubject {
  return having(mapSubject(Store), { leases: true, coherence: true })
}

export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function isMeant(bytes: Uint8Array, over: Over): boolean {
  if (typeof over === 'number') return envelopeId(bytes) === over
  return over instanceof Uint8Array && Buffer.compare(bytes, over) === 0
}
