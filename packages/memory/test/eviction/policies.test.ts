import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Entries } from '../../src/entries.ts'
import { MOST_PASSED_OVER } from '../../src/eviction/eviction.ts'
import { Ghosts, hashOf } from '../../src/eviction/ghosts.ts'
import { EVICTION_POLICIES, evictionFor } from '../../src/eviction/policies.ts'
import { Slots } from '../../src/eviction/slots.ts'
import { cacheModel } from './models.ts'

/** Room for so many is taken before there are any; it decides how many ghosts there are where only bytes are bounded. */
const FIRST_ROOM = 62

// So few that no two of them have one fingerprint.
const key = fc.integer({ min: 0, max: 59 }).map((index) => `key:${index}`)
const steps = fc.array(
  fc.oneof(
    { weight: 40, arbitrary: fc.record({ type: fc.constant('get' as const), key }) },
    {
      weight: 50,
      arbitrary: fc.record({
        type: fc.constant('set' as const),
        key,
        bytes: fc.integer({ min: 1, max: 20 }),
      }),
    },
    { weight: 9, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('clear' as const) }) },
  ),
  { minLength: 40, maxLength: 300 },
)

const bounds = {
  entries: fc.record({
    maxEntries: fc.integer({ min: 1, max: 40 }),
    maxBytes: fc.constant(undefined),
  }),
  bytes: fc.record({
    maxEntries: fc.constant(10_000_000),
    maxBytes: fc.integer({ min: 20, max: 200 }),
  }),
  both: fc.record({
    maxEntries: fc.integer({ min: 1, max: 20 }),
    maxBytes: fc.integer({ min: 20, max: 200 }),
  }),
}

describe.each(EVICTION_POLICIES)('eviction, %s', (policy) => {
  it.each(Object.keys(bounds) as (keyof typeof bounds)[])(
    'lets go what the paper says, bounded by %s',
    (bound) => {
      fc.assert(
        fc.property(bounds[bound], steps, (limits, events) => {
          const entries = new Entries(policy, limits)
          const model = cacheModel(policy, limits, Math.min(FIRST_ROOM, limits.maxEntries))
          for (const [at, event] of events.entries()) {
            if (event.type === 'clear') {
              entries.clear()
              model.clear()
            } else if (event.type === 'delete') {
              expect(entries.delete(event.key)).toBe(model.delete(event.key))
            } else if (event.type === 'get') {
              expect(isUsed(entries, event.key)).toBe(model.get(event.key))
            } else {
              const evicted: string[] = []
              const value = { data: at, staleAt: at, expiresAt: at }
              entries.set(event.key, value, event.bytes, evicted)
              expect(evicted).toEqual(model.set(event.key, event.bytes))
              expect(entries.entryAt(entries.find(event.key))).toBe(value)
            }
            const bytes = limits.maxBytes === undefined ? 0 : model.bytes
            expect([entries.size, entries.bytes]).toEqual([model.items.size, bytes])
            const inBounds = entries.size <= limits.maxEntries && bytes <= (limits.maxBytes ?? 0)
            expect(inBounds).toBe(true)
          }
          expect(keysByPlace(entries)).toEqual([...model.items.keys()].toSorted())
        }),
        { numRuns: 300 },
      )
    },
  )

  it('uses places again: a million sets and deletes need no more of them', () => {
    const entries = new Entries(policy, { maxEntries: 10_000_000, maxBytes: undefined })
    let deleted = 0
    for (let index = 0; index < 1_000_000; index += 1) {
      entries.set(`key:${index}`, { data: index, staleAt: 1, expiresAt: 1 }, 0, undefined)
      if (index >= 50 && entries.delete(`key:${index - 50}`)) deleted += 1
    }
    expect([entries.size, deleted]).toEqual([50, 1_000_000 - 50])
    expect(entries.places).toBeLessThan(60)
  })

  it('takes no room for a bound that is not reached, and gives back what it took when it is cleared', () => {
    const before = process.memoryUsage().arrayBuffers
    const entries = new Entries(policy, { maxEntries: 10_000_000, maxBytes: 2 ** 40 })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000)
    for (let index = 0; index < 5_000; index += 1) {
      entries.set(`key:${index}`, { data: index, staleAt: 1, expiresAt: 1 }, 2 ** 33, undefined)
    }
    expect([entries.size, entries.bytes]).toEqual([128, 2 ** 40])
    expect(entries.places).toBeLessThan(140)
    entries.clear()
    expect([entries.size, entries.bytes, entries.places]).toEqual([0, 0, 2])
    expect(entries.entryAt(2)).toBeUndefined()
  })

  it('finds what goes in few steps, also where all of very many have been used', () => {
    const count = 20_000
    const slots = new Slots(count, undefined)
    const eviction = evictionFor(policy, slots, { maxEntries: count, maxBytes: undefined })
    for (let index = 0; index < count; index += 1) {
      const slot = slots.take(`key:${index}`, { data: 1, staleAt: 1, expiresAt: 1 }, 0)
      eviction.added(slot, `key:${index}`)
      slots.marks[slot] = eviction.mostMark
    }
    expect(slots.keys[eviction.evicted()]).toMatch(/^key:/)
    const passedOver = slots.marks.filter((mark) => mark !== eviction.mostMark).length
    expect(passedOver).toBeLessThanOrEqual(MOST_PASSED_OVER + 2)
  })
})

describe('eviction, ghosts', () => {
  it('remembers most of as many keys as wanted, and none that went long before', () => {
    for (const wanted of [100, 10_000, 300_000]) {
      const remembered = new Ghosts(wanted)
      const took = (turn: number): number => {
        let count = 0
        for (let index = 0; index < wanted / 2; index += 1) {
          if (remembered.take(hashOf(`key:${turn * wanted + index}`))) count += 1
        }
        return count / (wanted / 2)
      }
      for (let index = 0; index < 3.5 * wanted; index += 1) remembered.add(hashOf(`key:${index}`))
      // The first halves of what went half a turn, a turn and a half, and three turns and a half ago.
      expect(took(3)).toBeGreaterThan(0.97)
      expect(took(2)).toBeLessThan(0.3)
      expect(took(0)).toBeLessThan(0.001)
    }
  })

  it('forgets a key once it has been asked for', () => {
    const remembered = new Ghosts(10)
    for (const gone of ['', 'a', 'ab']) remembered.add(hashOf(gone))
    const taken = ['', 'a', 'a', 'ab', '', 'b'].map((asked) => remembered.take(hashOf(asked)))
    expect(taken).toEqual([true, true, false, true, false, false])
  })

  it('takes few keys for others, and costs two bytes for each', () => {
    const before = process.memoryUsage().arrayBuffers
    const remembered = new Ghosts(100_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(201_000)
    for (let index = 0; index < 200_000; index += 1) {
      remembered.add(hashOf(`user:${index}:profile`))
    }
    let mistaken = 0
    for (let index = 0; index < 100_000; index += 1) {
      if (remembered.take(hashOf(`user:${index + 200_000}:profile`))) mistaken += 1
    }
    expect(mistaken).toBeLessThan(30)
  })

  it.each([
    ['short numbers', (index: number) => String(index)],
    ['two numbers', (index: number) => `a:${index % 300}:b:${Math.floor(index / 300)}`],
    ['zeros in front', (index: number) => String(index).padStart(20, '0')],
    ['two letters, many times', (index: number) => index.toString(2).padStart(17, '0')],
    ['letters of two bytes', (index: number) => `ключ:${String.fromCharCode(1_000 + index)}`],
  ])('tells apart keys that differ by little: %s', (_, keyAt) => {
    const hashes = Array.from({ length: 60_000 }, (_unused, index) => hashOf(keyAt(index)))
    // By chance 0.4 of all pairs would have one hash.
    expect(new Set(hashes).size).toBeGreaterThan(60_000 - 10)
    const rows = new Map<number, number>()
    for (const hash of hashes) rows.set(hash >>> 24, (rows.get(hash >>> 24) ?? 0) + 1)
    const [least, most] = [Math.min(...rows.values()), Math.max(...rows.values())]
    // Of 60,000 in 256 rows some 234 are in each, give or take 15.
    expect([rows.size, least > 234 - 5 * 16, most < 234 + 5 * 16]).toEqual([256, true, true])
  })
})

function isUsed(entries: Entries, asked: string): boolean {
  const place = entries.find(asked)
  if (place !== 0) entries.use(place)
  return place !== 0
}

function keysByPlace(entries: Entries): string[] {
  const found: string[] = []
  for (let place = 0; place < entries.places; place += 1) {
    const there = entries.keyAt(place)
    expect(entries.entryAt(place) === undefined).toBe(there === undefined)
    if (there !== undefined) found.push(there)
  }
  return found.toSorted()
}
