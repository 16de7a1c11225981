import { CacheError, type Timer } from '@hitbox/core'
import { describe, expect, it } from 'vitest'
import { deferred, manualClock } from '@hitbox/testing'

describe('manualClock', () => {
  it('stands still until it is advanced', () => {
    const clock = manualClock({ startAt: 1_000 })
    expect(clock.now()).toBe(1_000)
    clock.advance('1.5s')
    clock.advance(0.25)
    expect(clock.now()).toBe(2_500.25)
    expect(clock.recent()).toBe(2_500.25)
  })

  it('fires timers in the order of their moments, and shows each its own moment', () => {
    const clock = manualClock({ startAt: 0 })
    const fired: [string, number][] = []
    const note = (name: string) => (): void => void fired.push([name, clock.now()])
    clock.setTimeout(note('late'), 20)
    clock.setTimeout(note('early'), 10)
    clock.setTimeout(note('early too'), 10)
    clock.advance(9)
    expect(fired).toEqual([])
    clock.advance('1m')
    expect(fired).toEqual([
      ['early', 10],
      ['early too', 10],
      ['late', 20],
    ])
    expect(clock.now()).toBe(60_009)
  })

  it('fires timers that callbacks set, when they fall due on the way', () => {
    const clock = manualClock({ startAt: 0 })
    const fired: number[] = []
    const again = (): void => {
      fired.push(clock.now())
      clock.setTimeout(again, 10)
    }
    clock.setTimeout(again, 10)
    clock.advance(35)
    expect(fired).toEqual([10, 20, 30])
    expect(clock.pendingTimers).toBe(1)
  })

  it('never fires a cancelled timer, one for Infinity, or one twice', () => {
    const clock = manualClock()
    let fired = 0
    const count = (): void => void (fired += 1)
    clock.setTimeout(count, 5).cancel()
    clock.setTimeout(count, Number.POSITIVE_INFINITY)
    const once: Timer = clock.setTimeout(count, 5)
    clock.advance(1e9)
    once.cancel()
    clock.advance(1e9)
    expect(fired).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })

  it('lets one callback cancel the next', () => {
    const clock = manualClock()
    let fired = false
    clock.setTimeout(() => next.cancel(), 5)
    const next = clock.setTimeout(() => void (fired = true), 5)
    clock.advance(5)
    expect(fired).toBe(false)
  })

  it('refuses to go backwards', () => {
    const clock = manualClock()
    for (const by of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => clock.advance(by)).toThrow(CacheError)
    }
  })
})

describe('deferred', () => {
  it('settles when told, either way', async () => {
    const good = deferred<number>()
    good.resolve(1)
    expect(await good.promise).toBe(1)
    const bad = deferred()
    bad.reject(new Error('no'))
    await expect(bad.promise).rejects.toThrow('no')
  })
})
