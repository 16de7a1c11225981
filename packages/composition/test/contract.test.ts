import {
  type BatchReadOptions,
  type CacheBackend,
  type Clock,
  type KeyInput,
  liftBackend,
  type ReadOptions,
} from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { memoryBackend } from '@hitbox/memory'
import { backendContract, type BackendSubject, casesFor } from '@hitbox/testing'
import { describe, it } from 'vitest'
import {
  borrowed,
  compose,
  type ComposeOptions,
  withCircuitBreaker,
  withConcurrency,
  withDeadline,
} from '../src/index.ts'
import { MapStore } from './support/map-store.ts'

const capabilities: BackendSubject['capabilities'] = {
  clock: true,
  structured: true,
  meta: true,
  sync: 'the lower tier promises',
  peek: true,
  clear: 'the lower tier cannot be emptied',
  events: 'a hit is told with the path of the tier that had it',
  misspelt: () => compose(upper({}), lower({}), { lable: 'x' } as ComposeOptions),
  copies: 'the upper tier shares its objects, which is the point',
  limit: 'each tier has its own',
  reopen: 'each tier keeps what it keeps',
  join: 'each tier is shared or not',
  raw: 'each tier has its own bytes',
  commands: 'there is no server',
  faults: 'faults are in tests of their own',
}

interface Open {
  readonly clock?: Clock | undefined
}

const upper = ({ clock }: Open): CacheBackend => memoryBackend({ maxEntries: 20_000, clock })
/** Bytes behind promises, as a remote tier has them. */
const lower = ({ clock }: Open): CacheBackend =>
  liftBackend(new MapStore(cbor, clock), {
    clock,
    maxValueBytes: 8_000_000,
    maxRawBytes: 8_000_000,
  })

/** A tier of its own, yet behind promises: what it says is some turns old when it is heard. */
const remote = ({ clock }: Open): CacheBackend => {
  const inner = memoryBackend({ maxEntries: 20_000, clock, label: 'remote' })
  const later = async <T>(answer: T): Promise<T> => {
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve()
    return answer
  }
  return {
    label: inner.label,
    get: async <T>(key: KeyInput, options?: ReadOptions) => later(inner.get<T>(key, options)),
    set: async (key, value) => later(inner.set(key, value)),
    delete: async (key) => later(inner.delete(key)),
    getMany: async <T>(keys: Iterable<KeyInput>, options?: BatchReadOptions) =>
      later(inner.getMany<T>(keys, options)),
    setMany: async (entries) => later(inner.setMany(entries)),
    deleteMany: async (keys) => later(inner.deleteMany(keys)),
    clear: () => inner.clear(),
    ready: (options) => inner.ready(options),
    stats: () => inner.stats(),
    close: () => inner.close(),
    [Symbol.asyncDispose]: () => inner.close(),
  }
}

const composed = (options: ComposeOptions): BackendSubject => ({
  open: ({ clock, onEvent }) =>
    compose(upper({ clock }), lower({ clock }), { clock, onEvent, ...options }),
  capabilities,
})

const SUBJECTS: Readonly<Record<string, BackendSubject>> = {
  'two tiers': composed({}),
  'sequential writes': composed({ write: 'sequential' }),
  'parallel reads, optimistic writes': composed({ read: 'parallel', write: 'optimisticParallel' }),
  'races, no refills': composed({ read: 'race', write: 'race', refill: 'never' }),
  'three tiers, two of them nested': {
    open: ({ clock, onEvent }) =>
      compose(
        upper({ clock }),
        compose(memoryBackend({ maxEntries: 20_000, clock }), lower({ clock }), {
          label: 'inner',
          clock,
        }),
        { clock, onEvent },
      ),
    capabilities,
  },
  'tiers in memory': {
    open: ({ clock, onEvent }) =>
      compose(upper({ clock }), memoryBackend({ maxEntries: 20_000, clock }), { clock, onEvent }),
    capabilities: { ...capabilities, sync: true, clear: true },
  },
  'a tier behind promises that can be emptied': {
    open: ({ clock, onEvent }) => compose(upper({ clock }), remote({ clock }), { clock, onEvent }),
    capabilities: { ...capabilities, clear: true },
  },
  'two of them': {
    open: ({ clock, onEvent }) =>
      compose(remote({ clock }), remote({ clock }), { clock, onEvent, read: 'parallel' }),
    capabilities: { ...capabilities, peek: 'the upper tier is not in this process', clear: true },
  },
  'every layer': {
    open: ({ clock }) =>
      withCircuitBreaker(
        withDeadline(
          withConcurrency(borrowed(lower({ clock })), { maxConcurrent: 8, maxQueued: 10_000 }),
          '30s',
        ),
        { failures: 5, openFor: '1s', clock },
      ),
    capabilities: {
      ...capabilities,
      peek: 'the backend below has none',
      events: 'layers report on themselves only',
      copies: true,
      misspelt: () =>
        withConcurrency(lower({}), { maxConcurrent: 1, maxConcurent: 1 } as {
          maxConcurrent: number
        }),
    },
  },
}

describe.each(Object.entries(SUBJECTS))('%s: keeps the contract:', (_, subject) => {
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})
