import { cacheValue, type Clock, type Timer } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryBackend } from '../src/index.ts'
import { PLACES_PER_STEP } from '../src/sweeper.ts'

/** What the backend is to do, said as simply as can be: nothing is dropped but what has ended. */
class Model {
  readonly #entries = new Map<string, { data: unknown; expiresAt: number }>()

  set(key: string, data: unknown, expiresAt: number, now: number): void {
    this.#entries.delete(key)
    if (expiresAt > now) this.#entries.set(key, { data, expiresAt })
  }

  get(key: string, now: number): unknown {
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.expiresAt > now ? entry.data : undefined
  }

  clear(): void {
    this.#entries.clear()
  }

  alive(now: number): number {
    return [...this.#entries.values()].filter(({ expiresAt }) => expiresAt > now).length
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const moment = fc.oneof(
  fc.integer({ min: -5, max: 5_000 }),
  fc.constant(Infinity),
  fc.double({ min: 0, max: 3, noNaN: true }),
)
const step = fc.oneof(
  fc.record({ type: fc.constant('set' as const), key, in: moment }),
  fc.record({ type: fc.constant('get' as const), key }),
  fc.record({ type: fc.constant('peek' as const), key }),
  fc.record({ type: fc.constant('delete' as const), key }),
  fc.record({ type: fc.constant('clear' as const) }),
  fc.record({
    type: fc.constant('advance' as const),
    by: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.double({ min: 0, max: 2, noNaN: true })),
  }),
)

describe('memoryBackend, time', () => {
  it('serves exactly what has not ended, in any order of events', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const clock = manualClock()
        const memory = memoryBackend({ maxEntries: 10, clock })
        const model = new Model()
        for (const [data, event] of steps.entries()) {
          const now = clock.now()
          if (event.type === 'advance') clock.advance(event.by)
          else if (event.type === 'set') {
            const expiresAt = now + event.in
            memory.set(event.key, { data, staleAt: expiresAt, expiresAt })
            model.set(event.key, data, expiresAt, now)
          } else if (event.type === 'clear') {
            memory.clear()
            model.clear()
          } else if (event.type === 'delete') {
            const count = model.get(event.key, now) === undefined ? 0 : 1
            expect(memory.delete(event.key).count).toBe(count)
            model.set(event.key, undefined, 0, now)
          } else {
            expect(memory[event.type](event.key)?.data).toBe(model.get(event.key, now))
          }
          expect(memory.size).toBeGreaterThanOrEqual(model.alive(clock.now()))
        }
        // Whatever has ended goes without being asked for, and nothing else does.
        clock.advance('10s')
        expect(memory.size).toBe(model.alive(clock.now()))
      }),
      { numRuns: 1_000 },
    )
  })

  it('tells stale from fresh to the millisecond', () => {
    const clock = manualClock()
    const stale: boolean[] = []
    const memory = memoryBackend({
      maxEntries: 1,
      clock,
      onEvent: (event) => event.type === 'hit' && stale.push(event.stale),
    })
    memory.set('a', cacheValue(1, { ttl: '1h', staleAfter: '250ms', clock }))
    for (const by of [0, 249.5, 0.5, 60_000]) {
      clock.advance(by)
      memory.get('a')
    }
    expect(stale).toEqual([false, false, true, true])
  })

  it('is exact although the clock remembers its time for a turn of the event loop', () => {
    const clock = lazyClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    memory.set('short', { data: 1, staleAt: 900, expiresAt: 900 })
    memory.set('soon', { data: 1, staleAt: 1_500, expiresAt: 1_500 })
    clock.time = 899
    expect([memory.get('short'), memory.peek('short')]).not.toContain(undefined)
    clock.time = 900
    expect([memory.peek('short'), memory.get('short')]).toEqual([undefined, undefined])
    clock.remembered = 501
    clock.time = 1_500
    expect([memory.peek('soon'), memory.get('soon')]).toEqual([undefined, undefined])
  })

  it('reads the clock again in a loop that never lets a turn end', () => {
    const clock = lazyClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    memory.set('a', { data: 1, staleAt: 100_000, expiresAt: 100_000 })
    clock.time = 200_000
    let hits = 0
    while (memory.peek('a') !== undefined) hits += 1
    expect(hits).toBeLessThan(65)
  })

  it('asks a clock that is read for each hit seldom', () => {
    const clock = lazyClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    memory.set('a', { data: 1, staleAt: Infinity, expiresAt: Infinity })
    clock.reads = 0
    for (let hit = 0; hit < 6_500; hit += 1) memory.get('a')
    expect(clock.reads).toBeLessThanOrEqual(101)
  })
})

describe('memoryBackend, sweeping', () => {
  it('drops a million ended entries that nobody asks for, a bounded number per turn', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 1_000_000, clock })
    const expiresAt = clock.now() + 60_000
    for (let index = 0; index < 1_000_000; index += 1) {
      memory.set(`key:${index}`, { data: index, staleAt: expiresAt, expiresAt })
    }
    clock.advance('61s')
    let before = memory.size
    let turns = 0
    while (memory.size > 0 && turns < 2_000) {
      clock.advance('10ms')
      expect(before - memory.size).toBeLessThanOrEqual(2 * PLACES_PER_STEP)
      before = memory.size
      turns += 1
    }
    expect(memory.size).toBe(0)
    expect(turns).toBeLessThan(600)
    expect(clock.pendingTimers).toBe(0)
  })

  it('leaves what is alive, whatever happens between the turns of a walk', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 20_000, clock })
    const put = (name: string, ttl: number): void => {
      const expiresAt = clock.now() + ttl
      memory.set(name, { data: name, staleAt: expiresAt, expiresAt })
    }
    for (let index = 0; index < 20_000; index += 1) put(`k${index}`, index % 2 === 0 ? 1_000 : 1e9)
    clock.advance('2s')
    for (let turn = 0; turn < 8; turn += 1) {
      clock.advance('10ms')
      for (let index = turn; index < 20_000; index += 977) {
        if (index % 3 === 0) memory.delete(`k${index}`)
        else put(`k${index}`, index % 5 === 0 ? 5_000 : 1e9)
      }
    }
    const alive = new Set<string>()
    for (let index = 0; index < 20_000; index += 1) {
      const name = `k${index}`
      if (memory.peek(name) !== undefined) alive.add(name)
    }
    clock.advance('4s')
    for (const name of alive) expect(memory.peek(name)?.data).toBe(name)
    expect(memory.size).toBe(alive.size)
    clock.advance('10s')
    const later = [...alive].filter((name) => memory.peek(name) !== undefined)
    expect(memory.size).toBe(later.length)
    expect(later.length).toBeLessThan(alive.size)
  })

  it('keeps no timer while nothing can end', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    expect(clock.pendingTimers).toBe(0)
    memory.set('a', { data: 1, staleAt: Infinity, expiresAt: Infinity })
    expect(clock.pendingTimers).toBe(0)
    memory.set('b', cacheValue(1, { ttl: '1h', clock }))
    expect(clock.pendingTimers).toBe(1)
    clock.advance('2h')
    expect([memory.size, clock.pendingTimers]).toEqual([1, 0])
  })

  it('wakes earlier for an entry that ends earlier', () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    memory.set('late', cacheValue(1, { ttl: '10h', clock }))
    memory.set('soon', cacheValue(1, { ttl: '5s', clock }))
    clock.advance('8s')
    expect([memory.size, clock.pendingTimers]).toEqual([1, 1])
  })

  it('does not walk while entries only get longer lives', () => {
    const clock = manualClock()
    let timers = 0
    const counting: Clock = {
      now: () => clock.now(),
      recent: () => clock.recent(),
      setTimeout: (callback, delayMs) => {
        timers += 1
        return clock.setTimeout(callback, delayMs)
      },
    }
    const memory = memoryBackend({ maxEntries: 100, clock: counting })
    for (let turn = 0; turn < 10_000; turn += 1) {
      memory.set(`k${turn % 100}`, cacheValue(turn, { ttl: '1h', clock }))
      clock.advance(1)
    }
    expect(timers).toBe(1)
  })
})

/** A clock whose turn never ends: it remembers the moment it was first asked for. */
function lazyClock(): Clock & { time: number; remembered: number; reads: number } {
  const never: Timer = { cancel: () => {} }
  return {
    time: 0,
    remembered: 0,
    reads: 0,
    now() {
      this.reads += 1
      return this.time
    },
    recent() {
      return this.remembered
    },
    setTimeout: () => never,
  }
}
