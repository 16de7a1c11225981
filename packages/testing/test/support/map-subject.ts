import { type CacheBackend, liftBackend, type LiftOptions, systemClock } from '@hitbox/core'
import type { BackendOpenOptions, BackendSubject } from '@hitbox/testing'
import { MapStore } from './map-store.ts'

/** A store by a backend that was lifted from it. */
export type Stores = WeakMap<CacheBackend, MapStore>

const MAX_VALUE_BYTES = 1_100_000

/** The subject for a store, right or broken. */
export function mapSubject(
  Store: typeof MapStore = MapStore,
  wear: (backend: CacheBackend) => CacheBackend = (backend) => backend,
): BackendSubject {
  const stores: Stores = new WeakMap()
  const lifted = (store: MapStore, options: LiftOptions): CacheBackend => {
    const own = { maxValueBytes: MAX_VALUE_BYTES, clock: store.clock, ...options }
    const backend = wear(liftBackend(store, own))
    stores.set(backend, store)
    return backend
  }
  const storeOf = (backend: CacheBackend): MapStore => stores.get(backend) as MapStore
  const onSameData = (backend: CacheBackend): CacheBackend => {
    const { clock, entries } = storeOf(backend)
    return lifted(new Store(clock, entries), {})
  }
  return {
    open: ({ clock = systemClock, onEvent }: BackendOpenOptions) =>
      lifted(new Store(clock), { onEvent }),
    capabilities: {
      clock: true,
      copies: true,
      structured: true,
      meta: true,
      sync: true,
      peek: 'a lifted backend has none',
      clear: 'a lifted backend has no way to drop everything',
      events: true,
      limit: MAX_VALUE_BYTES,
      misspelt: 'the lift of core is no factory of its own',
      join: onSameData,
      reopen: async (backend) => {
        await backend.close()
        return onSameData(backend)
      },
      raw: (backend) => {
        const { entries, keyFormat } = storeOf(backend)
        return {
          read: (key) => entries.get(keyFormat.encode(key))?.bytes,
          write: (key, bytes) =>
            void entries.set(keyFormat.encode(key), { bytes, endsAt: Number.POSITIVE_INFINITY }),
        }
      },
      commands: 'there is no server to send commands to',
      faults: 'there is no server to break',
      leases: 'nobody shares the map',
      coherence: 'nobody shares the map',
    },
  }
}
