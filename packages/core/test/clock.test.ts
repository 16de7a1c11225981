import { describe, expect, it, vi } from 'vitest'
import { manualClock } from '@hitbox/testing'
import { Deadlines, systemClock } from '../src/index.ts'

describe('systemClock', () => {
  it('reads like a date and never goes back, whatever the wall clock does', () => {
    const before = systemClock.now()
    expect(Math.abs(before - Date.now())).toBeLessThan(60_000)
    const wall = vi.spyOn(Date, 'now').mockReturnValue(0)
    expect(systemClock.now()).toBeGreaterThanOrEqual(before)
    wall.mockRestore()
  })

  it('gives a recent moment that is not after now', () => {
    const recent = systemClock.recent()
    expect(recent).toBeLessThanOrEqual(systemClock.now())
    expect(systemClock.recent()).toBe(recent)
  })

  it('forgets its recent moment within a turn of the event loop', async () => {
    const recent = systemClock.recent()
    await vi.waitFor(() => expect(systemClock.recent()).toBeGreaterThan(recent))
  })

  it('does not fire a timer that is longer than Node can wait', async () => {
    const fired = vi.fn<() => void>()
    const timers = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map((delay) =>
      systemClock.setTimeout(fired, delay),
    )
    await new Promise<void>(
      (resolve) => systemClock.setTimeout(resolve, 20) && setTimeout(resolve, 30),
    )
    for (const timer of timers) timer.cancel()
    expect(fired).not.toHaveBeenCalled()
  })

  it('does not call back what was cancelled', async () => {
    const fired = vi.fn<() => void>()
    systemClock.setTimeout(fired, 1).cancel()
    await new Promise<void>((resolve) => setTimeout(resolve, 10))
    expect(fired).not.toHaveBeenCalled()
  })
})

describe('Deadlines', () => {
  const late = (): Error => new Error('late')
  const never = new Promise<never>(() => {})

  it('passes on what settles in time', async () => {
    const deadlines = new Deadlines(manualClock(), 100)
    await expect(deadlines.race(Promise.resolve(1), late)).resolves.toBe(1)
    await expect(deadlines.race(Promise.reject(new Error('own')), late)).rejects.toThrow('own')
  })

  it('ends each wait at its own deadline', async () => {
    const clock = manualClock()
    const deadlines = new Deadlines(clock, 100)
    const settled: string[] = []
    const wait = (name: string): Promise<void> =>
      deadlines.race(never, late).catch(() => void settled.push(name))
    const first = wait('first')
    clock.advance('60ms')
    const second = wait('second')
    clock.advance('40ms')
    await first
    expect(settled).toEqual(['first'])
    clock.advance('60ms')
    await second
    expect(settled).toEqual(['first', 'second'])
  })

  it('leaves no timer behind once it is closed and nobody waits', async () => {
    const clock = manualClock()
    const deadlines = new Deadlines(clock, 100)
    await deadlines.race(Promise.resolve(), late)
    const wait = deadlines.race(never, late)
    deadlines.close()
    expect(clock.pendingTimers).toBe(1)
    clock.advance('100ms')
    await expect(wait).rejects.toThrow('late')
    expect(clock.pendingTimers).toBe(0)
    const idle = new Deadlines(clock, 100)
    await idle.race(Promise.resolve(), late)
    idle.close()
    expect(clock.pendingTimers).toBe(0)
  })

  it('works again after all waits are over', async () => {
    const clock = manualClock()
    const deadlines = new Deadlines(clock, 100)
    await deadlines.race(Promise.resolve(), late)
    clock.advance('1s')
    const wait = deadlines.race(never, late)
    clock.advance('100ms')
    await expect(wait).rejects.toThrow('late')
  })
})
