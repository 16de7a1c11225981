import { cbor } from '@hitbox/formats/cbor'
import { backendContract, type BackendSubject, casesFor } from '@hitbox/testing'
import { describe, it } from 'vitest'
import { type EvictionPolicy, memoryBackend } from '../src/index.ts'

const NOT_OURS = {
  reopen: 'nothing outlives the backend',
  join: 'nobody else can reach the memory of a backend',
  raw: 'there are no bytes to reach',
  commands: 'there is no server',
  faults: 'there is nothing underneath that could break',
} as const

const OURS = {
  clock: true,
  structured: true,
  meta: true,
  sync: true,
  peek: true,
  clear: true,
  events: true,
  misspelt: () => memoryBackend({ maxEntries: 1, maxEntrys: 1 } as { maxEntries: number }),
} as const

const shared: BackendSubject = {
  open: (options) => memoryBackend({ maxEntries: 20_000, ...options }),
  capabilities: {
    ...OURS,
    ...NOT_OURS,
    copies: 'readers share one object, which is the point',
    limit: 'it counts entries, not bytes',
  },
}

const bounded: BackendSubject = {
  open: (options) =>
    memoryBackend({
      maxBytes: 16_000_000,
      sizeOf: (data, key) =>
        1 +
        key.length +
        (typeof data === 'string' || data instanceof Uint8Array ? data.length : 100),
      ...options,
    }),
  capabilities: { ...shared.capabilities, limit: 16_000_000 },
}

const frozen: BackendSubject = {
  open: (options) => memoryBackend({ maxEntries: 20_000, values: 'frozen', ...options }),
  capabilities: {
    ...shared.capabilities,
    structured: 'dates, maps, sets and bytes cannot be frozen, and are refused',
  },
}

const encoded: BackendSubject = {
  open: (options) =>
    memoryBackend({ maxBytes: 16_000_000, values: 'encoded', valueFormat: cbor, ...options }),
  capabilities: { ...OURS, ...NOT_OURS, copies: true, limit: 16_000_000 },
}

const evicting = (eviction: EvictionPolicy): BackendSubject => ({
  open: (options) => memoryBackend({ maxEntries: 20_000, eviction, ...options }),
  capabilities: shared.capabilities,
})

const subjects = {
  shared,
  bounded,
  frozen,
  encoded,
  lru: evicting('lru'),
  sieve: evicting('sieve'),
  's3-fifo': evicting('s3-fifo'),
}

describe.each(Object.entries(subjects))('memoryBackend, %s, keeps the contract:', (_, subject) => {
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})
