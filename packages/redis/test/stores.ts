import {
  type ChangeListener,
  openEnvelope,
  sealEnvelope,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
} from '@hitbox/core'
import { until } from '@hitbox/testing'
import type { RedisFeed } from '../src/coherence/feed.ts'
import type { RedisBackendOptions } from '../src/index.ts'
import type { RedisLeases } from '../src/lease/lease-port.ts'
import { storeOf } from '../src/open-store.ts'
import { resolveOptions } from '../src/options.ts'
import type { RedisStore } from '../src/store.ts'

/** Opens stores for a test, and closes them after it. */
export class Stores {
  readonly #open: RedisStore[] = []

  open(options: RedisBackendOptions): RedisStore {
    const store = storeOf(resolveOptions(options))
    this.#open.push(store)
    return store
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((store) => store.close()))
  }
}

/** What a listener was told, in order: keys as text, `*` for all. */
export class Heard implements ChangeListener<StoreKey> {
  readonly told: string[] = []
  readonly #feed: RedisFeed | undefined
  /** The fence as it was when all was told to have changed. */
  readonly fences: number[] = []

  constructor(feed?: RedisFeed) {
    this.#feed = feed
  }

  changed(key: StoreKey): void {
    this.told.push(typeof key === 'string' ? key : Buffer.from(key).toString('hex'))
  }

  changedAll(): void {
    this.told.push('*')
    this.fences.push(this.#feed?.fence ?? Number.NaN)
  }
}

export function feedOf(store: RedisStore): RedisFeed {
  if (store.feed === undefined) throw new Error('the store has no feed')
  return store.feed
}

export function leasesOf(store: RedisStore): RedisLeases {
  if (store.leases === undefined) throw new Error('the store has no leases')
  return store.leases
}

/** Listens, and waits until the store is told of changes. */
export async function listening(store: RedisStore): Promise<Heard> {
  const feed = feedOf(store)
  const heard = new Heard(feed)
  feed.listen(heard)
  await store.read('nothing')
  await until('the feed is on', () => feed.mode !== undefined)
  return heard
}

/** An entry as the lift makes it. */
export function entry(key: string, data: string, ttlMs = 60_000, writtenAt?: number): StoreWrite {
  const payload = Buffer.from(data)
  const facts = {
    key,
    formatId: 'text',
    compressorId: 'identity',
    rawLength: payload.length,
    ttlMs,
    freshMs: ttlMs,
    writtenAt,
  }
  return { bytes: sealEnvelope(facts, payload), ttlMs, freshMs: ttlMs }
}

/** The data of {@link entry}, or why there is none. */
export function dataOf(key: string, read: StoreRead | undefined): string | undefined {
  if (read === undefined) return undefined
  const envelope = openEnvelope(read.bytes, key)
  return typeof envelope === 'string' ? `!${envelope}` : Buffer.from(envelope.payload).toString()
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
