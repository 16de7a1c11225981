import { describe, expect, it } from 'vitest'
import { manualClock } from '@hitbox/testing'
import { cacheValue, liftBackend } from '../../src/index.ts'
import { MemoryStore } from '../memory-store.ts'

const MUTATIONS = 100_000

/** Mulberry32: small, seeded, good enough to choose where to hit. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const TAIL_BYTES = 31

type Mutation = (
  bytes: Uint8Array,
  random: (below: number) => number,
  other: Uint8Array,
) => Uint8Array

const mutations: Record<string, Mutation> = {
  'bit flip': (bytes, random) => {
    const copy = bytes.slice()
    const at = random(copy.length)
    copy[at] = copy[at]! ^ (1 << random(8))
    return copy
  },
  'several bytes overwritten': (bytes, random) => {
    const copy = bytes.slice()
    for (let count = 1 + random(8); count > 0; count -= 1) copy[random(copy.length)] = random(256)
    return copy
  },
  truncation: (bytes, random) => bytes.slice(0, random(bytes.length)),
  extension: (bytes, random) =>
    Uint8Array.of(...bytes, ...Array.from({ length: 1 + random(9) }, () => random(256))),
  'a run deleted': (bytes, random) => {
    const at = random(bytes.length)
    return Uint8Array.of(...bytes.slice(0, at), ...bytes.slice(at + 1 + random(5)))
  },
  'two runs swapped': (bytes, random) => {
    const at = random(bytes.length - 1)
    const copy = bytes.slice()
    copy[at] = bytes[at + 1]!
    copy[at + 1] = bytes[at]!
    return copy
  },
  'another version': (bytes, random) => {
    const copy = bytes.slice()
    copy[2] = random(256)
    return copy
  },
  "another key's bytes": (_, __, other) => other,
  'the head of one and the tail of another': (bytes, random, other) => {
    const at = random(Math.min(bytes.length, other.length))
    return Uint8Array.of(...bytes.slice(0, at), ...other.slice(at))
  },
  garbage: (_, random) => Uint8Array.from({ length: random(200) }, () => random(256)),
}

describe('a reader of mutated envelopes', () => {
  const seed = Number(process.env['HITBOX_SEED'] ?? 20_261_122)

  it(`never gives a wrong value and never throws, over ${MUTATIONS} mutations (seed ${seed})`, async () => {
    const random = randomOf(seed)
    const clock = manualClock()
    const store = new MemoryStore(() => clock.now())
    await using tier = liftBackend(store, { clock })
    const data = { name: 'Ada', roles: ['admin', 'author'], visits: 1_815 }
    const value = cacheValue(data, { ttl: '10m', staleAfter: '1m', clock })
    await tier.set('user:1', value)
    await tier.set('user:2', cacheValue({ name: 'Eve' }, { ttl: '10m', clock }))
    const original = store.entries.get('user:1')!
    const other = store.entries.get('user:2')!
    const kinds = Object.entries(mutations)
    let hits = 0

    for (let round = 0; round < MUTATIONS; round += 1) {
      const [kind, mutate] = kinds[round % kinds.length]!
      const bytes = mutate(original, random, other)
      // The tail is the store's own, and says nothing of the value.
      const sealed = original.length - TAIL_BYTES
      const unchanged =
        bytes.length === original.length &&
        bytes.every((byte, at) => at >= sealed || byte === original[at])
      store.entries.set('user:1', bytes)
      const found = await tier.get('user:1')
      if (found !== undefined) hits += 1
      if (unchanged) expect(found).toMatchObject({ data })
      else if (found !== undefined)
        expect.unreachable(`a value came back after "${kind}", round ${round}, seed ${seed}`)
    }

    // Every read is accounted for, and every miss says why.
    const { misses, dropped } = tier.stats()
    expect(hits + misses).toBe(MUTATIONS)
    expect(Object.values(dropped).reduce((sum, count) => sum + count, 0)).toBe(misses)
    expect(Object.keys(dropped)).toEqual(
      expect.arrayContaining([
        'corrupt',
        'foreign',
        'newer-version',
        'older-version',
        'truncated',
        'wrong-key',
      ]),
    )
  })
})
