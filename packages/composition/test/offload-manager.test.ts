import { CacheError, type CacheEvent } from '@hitbox/core'
import { type Deferred, deferred, expectNoLeaks, manualClock } from '@hitbox/testing'
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, it } from 'vitest'
import { offloadManager, type OffloadManager, type OffloadOptions } from '../src/index.ts'
import { turn } from './support/explore.ts'

interface Work {
  readonly kind: string
  readonly key?: string
  readonly end: Deferred<void>
  signal: AbortSignal | undefined
  run(signal: AbortSignal): Promise<unknown>
}

function work(kind = 'refill', key?: string): Work {
  const end = deferred()
  const task: Work = {
    kind,
    ...(key === undefined ? {} : { key }),
    end,
    signal: undefined,
    run(signal) {
      task.signal = signal
      return end.promise
    },
  }
  return task
}

function open(options: OffloadOptions = {}): {
  offload: OffloadManager
  clock: ReturnType<typeof manualClock>
  events: CacheEvent[]
} {
  const clock = manualClock()
  const events: CacheEvent[] = []
  const offload = offloadManager({ clock, onEvent: (event) => events.push(event), ...options })
  return { offload, clock, events }
}

describe('offloadManager', () => {
  it.each<[string, OffloadOptions]>([
    ['no place', { maxConcurrent: 0 }],
    ['half a place in the queue', { maxQueued: 0.5 }],
    ['a time of nothing', { timeout: '0ms' }],
    ['an unknown answer to a timeout', { onTimeout: 'ignore' as 'warn' }],
    ['a label with a dot', { label: 'a.b' }],
    ['a misspelt option', { maxConcurent: 1 } as OffloadOptions],
  ])('refuses %s', (_, options) => {
    expect(() => offloadManager(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })

  it('takes a task of a key and kind once at a time, and again when it is over', async () => {
    const { offload } = open()
    const first = work('refill', 'k')
    expect(offload.register(first)).toBe(true)
    expect(offload.isInFlight('k', 'refill')).toBe(true)
    expect(offload.register(work('refill', 'k'))).toBe(false)
    expect(offload.register(work('revalidate', 'k'))).toBe(true)
    expect(offload.register(work('refill', 'other'))).toBe(true)
    expect(offload.register(work())).toBe(true)
    expect(offload.register(work())).toBe(true)
    expect(offload.active).toBe(5)
    first.end.resolve()
    await turn()
    expect(offload.isInFlight('k', 'refill')).toBe(false)
    expect(offload.register(work('refill', 'k'))).toBe(true)
    expect(offload.stats()).toMatchObject({ started: 6, completed: 1, deduplicated: 1 })
  })

  it('tells kinds and keys apart, wherever one ends and the other begins', () => {
    const { offload } = open()
    expect(offload.register(work('a', 'b:c'))).toBe(true)
    expect(offload.register(work('a:b', 'c'))).toBe(true)
    expect(offload.register(work('ab', ':c'))).toBe(true)
  })

  it('never runs a task it did not take', async () => {
    const { offload } = open({ maxConcurrent: 1, maxQueued: 0 })
    let ran = 0
    const run = async (): Promise<void> => void (ran += 1)
    offload.register({ kind: 'a', key: 'k', run })
    offload.register({ kind: 'a', key: 'k', run })
    offload.register({ kind: 'b', run })
    await offload.drain()
    expect(ran).toBe(1)
    expect(offload.stats()).toMatchObject({ deduplicated: 1, rejected: 1 })
  })

  it('runs so many at once, queues so many, in order, and refuses the rest', async () => {
    const { offload } = open({ maxConcurrent: 2, maxQueued: 2 })
    const tasks = Array.from({ length: 5 }, () => work())
    expect(tasks.map((task) => offload.register(task))).toEqual([true, true, true, true, false])
    expect([offload.active, offload.queued]).toEqual([2, 2])
    await turn()
    expect(tasks.map((task) => task.signal !== undefined)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    tasks[1]?.end.resolve()
    await turn()
    expect(tasks[2]?.signal).toBeDefined()
    expect(tasks[3]?.signal).toBeUndefined()
    for (const task of tasks) task.end.resolve()
    expect(await offload.drain()).toBe(true)
    expect(offload.stats()).toMatchObject({ started: 4, completed: 4, rejected: 1, active: 0 })
  })

  it.each<[string, () => Promise<unknown>]>([
    [
      'throws',
      () => {
        throw new Error('at once')
      },
    ],
    ['rejects', () => Promise.reject(new Error('later'))],
    // oxlint-disable-next-line prefer-promise-reject-errors -- what libraries do
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['returns no promise', () => undefined as unknown as Promise<unknown>],
  ])('survives a task that %s, and releases its place and key', async (what, run) => {
    const { offload, events } = open({ maxConcurrent: 1 })
    expect(() => offload.register({ kind: 'x', key: 'k', run })).not.toThrow()
    const next = work('x', 'next')
    offload.register(next)
    await turn()
    expect(offload.isInFlight('k', 'x')).toBe(false)
    expect(next.signal).toBeDefined()
    const failed = what !== 'returns no promise'
    expect(offload.stats().failed).toBe(failed ? 1 : 0)
    expect(events.some((event) => event.type === 'error' && event.operation === 'offload')).toBe(
      failed,
    )
  })

  it('begins a task after the turn of who registered it', () => {
    const { offload } = open()
    const task = work()
    offload.register(task)
    expect(task.signal).toBeUndefined()
  })

  it('cancels a task that runs too long, and frees its place and key though it ignores the signal', async () => {
    const { offload, clock, events } = open({ maxConcurrent: 1, timeout: '5s' })
    const stuck = work('x', 'k')
    const next = work('x', 'next')
    offload.register(stuck)
    offload.register(next)
    await turn()
    clock.advance('4999ms')
    expect(stuck.signal?.aborted).toBe(false)
    clock.advance('1ms')
    await turn()
    expect(stuck.signal?.reason).toMatchObject({ name: 'TimeoutError' })
    expect(offload.isInFlight('k', 'x')).toBe(false)
    expect(next.signal).toBeDefined()
    expect(offload.stats()).toMatchObject({ timedOut: 1, completed: 0, active: 1, abandoned: 1 })
    stuck.end.reject(new Error('too late to matter'))
    await turn()
    expect(offload.stats()).toMatchObject({ failed: 0, completed: 0, active: 1, abandoned: 0 })
    expect(events.filter((event) => event.type === 'offload' && event.key === 'k')).toMatchObject([
      { state: 'started' },
      { state: 'timed-out', durationMs: 5_000 },
    ])
  })

  it('only warns of a task that runs too long, when told so', async () => {
    const { offload, clock, events } = open({ maxConcurrent: 1, timeout: '5s', onTimeout: 'warn' })
    const slow = work('x', 'k')
    offload.register(slow)
    await turn()
    clock.advance('5s')
    expect(slow.signal?.aborted).toBe(false)
    expect(offload.isInFlight('k', 'x')).toBe(true)
    clock.advance('2s')
    slow.end.resolve()
    await turn()
    expect(offload.stats()).toMatchObject({ timedOut: 1, completed: 1, active: 0 })
    expect(
      events.map((event) => event.type === 'offload' && [event.state, event.durationMs]),
    ).toEqual([
      ['started', undefined],
      ['timed-out', 5_000],
      ['completed', 7_000],
    ])
  })

  it('gives a task neither the request it came from nor its signal', async () => {
    const requests = new AsyncLocalStorage<string>()
    const { offload } = open({ maxConcurrent: 1 })
    const seen: (string | undefined)[] = []
    const look = async (): Promise<void> => {
      seen.push(requests.getStore())
      await Promise.resolve()
      seen.push(requests.getStore())
    }
    requests.run('request', () => {
      offload.register({ kind: 'first', run: look })
      offload.register({ kind: 'queued', run: look })
      expect(requests.getStore()).toBe('request')
    })
    await offload.drain()
    expect(seen).toEqual([undefined, undefined, undefined, undefined])
  })

  it('drains until nothing is left, tasks taken meanwhile included', async () => {
    const { offload } = open()
    expect(await offload.drain()).toBe(true)
    const first = work()
    const second = work()
    offload.register(first)
    let drained: boolean | undefined
    void offload.drain().then((done) => {
      drained = done
    })
    offload.register(second)
    first.end.resolve()
    await turn()
    expect(drained).toBeUndefined()
    second.end.resolve()
    await turn()
    expect(drained).toBe(true)
  })

  it('stops draining when its time is over', async () => {
    const { offload, clock } = open()
    offload.register(work())
    const drained = offload.drain({ timeout: '1s' })
    clock.advance('1s')
    expect(await drained).toBe(false)
    expect(() => offload.drain({ timeout: '0s' })).toThrow('"timeout" must be')
  })

  it('aborts what runs and forgets what waits when it closes, and takes nothing more', async () => {
    const { offload, events } = open({ maxConcurrent: 1 })
    const running = work('x', 'k')
    const waiting = work('x', 'l')
    offload.register(running)
    offload.register(waiting)
    await turn()
    const drained = offload.drain()
    await offload.close()
    await offload[Symbol.asyncDispose]()
    expect(await drained).toBe(false)
    expect(CacheError.is(running.signal?.reason, 'CLOSED')).toBe(true)
    expect(offload.register(work())).toBe(false)
    await turn()
    expect(waiting.signal).toBeUndefined()
    expect(offload.isInFlight('l', 'x')).toBe(false)
    expect(offload.stats()).toMatchObject({ active: 0, queued: 0, rejected: 2, abandoned: 1 })
    running.end.resolve()
    await turn()
    expect(offload.stats()).toMatchObject({ completed: 0, abandoned: 0 })
    expect(await offload.drain()).toBe(true)
    expect(events.at(-1)).toMatchObject({ state: 'rejected', source: 'offload' })
  })

  it('never begins a task that was registered in the turn in which it closes', async () => {
    const { offload } = open()
    const task = work()
    offload.register(task)
    await offload.close()
    await turn()
    expect(task.signal).toBeUndefined()
    expect(offload.stats().abandoned).toBe(0)
  })

  it('leaves no timer behind', async () => {
    await expectNoLeaks(async () => {
      const offload = offloadManager({ timeout: '10m' })
      offload.register({ kind: 'x', run: async () => undefined })
      await offload.drain({ timeout: '10m' })
      offload.register({ kind: 'x', run: () => new Promise(() => {}) })
      await turn()
      await offload.close()
    })
  })
})
