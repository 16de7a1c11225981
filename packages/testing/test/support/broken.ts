import type {
  BatchReadOptions,
  CacheBackend,
  CacheValue,
  DeleteStatus,
  Entry,
  ItemResult,
  KeyInput,
  MaybePromise,
  ReadOptions,
} from '@hitbox/core'
import type { BackendCapabilities, BackendSubject } from '@hitbox/testing'
import { MapStore } from './map-store.ts'
import { mapSubject } from './map-subject.ts'

export type Found = CacheValue<unknown> | undefined
export type Results<T> = MaybePromise<ItemResult<T>[]>

/** The members of a tier, without type parameters. */
export interface Members {
  label?: string
  get?(key: KeyInput, options?: ReadOptions): unknown
  set?(key: KeyInput, value: CacheValue<unknown>): unknown
  delete?(key: KeyInput): MaybePromise<DeleteStatus>
  getMany?(keys: Iterable<KeyInput>, options?: BatchReadOptions): Results<Found>
  setMany?(entries: Iterable<Entry>): Results<void>
  deleteMany?(keys: Iterable<KeyInput>): Results<DeleteStatus>
  ready?(): Promise<void>
  close?(): Promise<void>
  peek?(key: KeyInput): unknown
  hit?(key: KeyInput): unknown
  clear?(): void
  keepsMeta?: boolean
  [Symbol.asyncDispose]?(): Promise<void>
}

/** A tier that passes everything on but for the members that are given. */
export function worn(inner: CacheBackend, members: Members): CacheBackend {
  const right: CacheBackend = {
    label: inner.label,
    get: (key, options) => inner.get(key, options),
    set: (key, value) => inner.set(key, value),
    delete: (key) => inner.delete(key),
    getMany: (keys, options) => inner.getMany(keys, options),
    setMany: (entries) => inner.setMany(entries),
    deleteMany: (keys) => inner.deleteMany(keys),
    ready: (options) => inner.ready(options),
    stats: () => inner.stats(),
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  }
  return Object.assign(right, members)
}

/** The subject of a tier that is right but for some members. */
export function tierWith(
  members: (inner: CacheBackend) => Members,
  capabilities: Partial<BackendCapabilities> = {},
): BackendSubject {
  return having(
    mapSubject(MapStore, (inner) => worn(inner, members(inner))),
    capabilities,
  )
}

export function having(
  subject: BackendSubject,
  capabilities: Partial<BackendCapabilities>,
): BackendSubject {
  return { ...subject, capabilities: { ...subject.capabilities, ...capabilities } }
}

export type Verbs = Partial<Pick<MapStore, 'read' | 'write' | 'remove' | 'keyFormat'>> & {
  layout?: 'raw'
}

/** The subject of a store that is right but for some verbs. They are given a store on the same data that is right. */
export function storeWith(
  verbs: (right: MapStore) => Verbs,
  capabilities: Partial<BackendCapabilities> = {},
): BackendSubject {
  class Broken extends MapStore {
    constructor(...args: ConstructorParameters<typeof MapStore>) {
      super(...args)
      Object.assign(this, verbs(new MapStore(this.clock, this.entries)))
    }
  }
  return having(mapSubject(Broken), capabilities)
}

/** The subject of a store whose keys are not those of the texts. */
export const keysAs = (encode: (text: string) => string): BackendSubject =>
  storeWith(({ keyFormat }) => ({ keyFormat: { ...keyFormat, encode } }))

/** The subject of a store that keeps entries for another time than it is told. */
export const livesAs = (change: (ttlMs: number) => number): BackendSubject =>
  storeWith((right) => ({
    write: (key, entry) => right.write(key, { ...entry, ttlMs: change(entry.ttlMs) }),
  }))

/** The subject of a tier that gives other entries than it has. */
export const readsAs = (change: (found: CacheValue<unknown>) => unknown): BackendSubject =>
  tierWith((inner) => ({
    async get(key, options) {
      const found = await inner.get(key, options)
      return found && change(found)
    },
  }))

/** The subject of a tier that keeps other entries than it is given. */
export const writesAs = (
  change: (value: CacheValue<unknown>) => CacheValue<unknown>,
): BackendSubject => tierWith((inner) => ({ set: (key, value) => inner.set(key, change(value)) }))
