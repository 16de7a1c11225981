import { type Clock, systemClock } from '@hitbox/core'
import { deferred, type RedisServer, startRedis, until } from '@hitbox/testing'
import type { Cache } from 'hitbox'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Address, Caches } from './support/caches.ts'
import { type WireProxy, wireProxy } from './support/wire-proxy.ts'

const HOUR_MS = 3_600_000
const LIFE_MS = 400

/** A clock that is some time off, as that of another machine may be. */
interface SkewedClock extends Clock {
  offMs: number
}

function skewed(offMs: number): SkewedClock {
  const clock: SkewedClock = {
    offMs,
    now: () => systemClock.now() + clock.offMs,
    recent: () => systemClock.recent() + clock.offMs,
    setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs),
  }
  return clock
}

/** What two processes come to tell each other, whatever their clocks show. */
const EXPECTED = {
  'read by the other': 1,
  'deleted by the other': undefined,
  'set by the other': 2,
  'by a token': 3,
  'by a bound': 4,
  'stale at once': [5, 'stale'],
  'fresh, with the life that is left': [6, 'hit', true],
  'within its life': [7, 7],
  'after its life': [undefined, undefined],
  'by tag': undefined,
  cleared: undefined,
  'marked by the other': [8, 'stale'],
  'loads of two at once': 1,
  'after a load that was overtaken': 10,
}

describe('G10 no clocks between machines', () => {
  let server: RedisServer
  const caches = new Caches()
  let run = 0

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.stop())
  afterEach(() => caches.closeAll())

  function opened(clock: Clock, address: Address = server.url): Cache<number> {
    const redis = { maxStale: '300ms', responseTimeout: '5s' } as const
    return caches.open(address, {
      clock,
      redis,
      cache: { namespace: `run${run}`, tierTimeout: '10s' },
    })
  }

  /** Everything that involves time, between two processes. @param midway - Called after the first half. */
  async function scenario(
    a: Cache<number>,
    b: Cache<number>,
    midway: () => unknown = () => undefined,
  ): Promise<Record<string, unknown>> {
    const told: Record<string, unknown> = {}
    const strong = { fresh: 'barrier' } as const
    await a.set('k', 1)
    told['read by the other'] = await b.get('k', strong)
    await b.delete('k')
    told['deleted by the other'] = await a.get('k', strong)
    await a.set('k', 1)
    await b.set('k', 2)
    told['set by the other'] = await a.get('k', strong)

    await midway()
    const { token } = await a.set('k', 3)
    told['by a token'] = await b.get('k', { fresh: token })
    await a.set('k', 4)
    told['by a bound'] = await until('the bound is over', async () => {
      const value = await b.get('k', { fresh: { maxStale: '50ms' } })
      return value === 4 ? value : undefined
    })

    await a.set('s', 5, { staleAfter: 0 })
    const stale = await b.get.withContext('s', strong)
    told['stale at once'] = [stale.value, stale.context.status]
    await a.set('f', 6, { ttl: '10m', staleAfter: '5m' })
    const fresh = await b.get.withContext('f', strong)
    const { ttlMs = 0 } = fresh.context
    const plausible = ttlMs <= 600_000 && ttlMs > 590_000
    told['fresh, with the life that is left'] = [fresh.value, fresh.context.status, plausible]

    await a.set('t', 7, { ttl: `${LIFE_MS}ms` })
    told['within its life'] = await Promise.all([a.get('t'), b.get('t')])
    await pause(1.5 * LIFE_MS)
    told['after its life'] = await Promise.all([a.get('t'), b.get('t')])

    await a.set('g', 1, { tags: ['tag'] })
    await b.get('g', strong)
    await b.invalidateTags('tag')
    told['by tag'] = await a.get('g', strong)
    await a.namespace('n').set('c', 1)
    await b.namespace('n').get('c')
    await b.namespace('n').clear()
    told['cleared'] = await a.namespace('n').get('c', strong)

    await a.set('e', 8)
    await b.expire('e')
    const marked = await a.get.withContext('e', strong)
    told['marked by the other'] = [marked.value, marked.context.status]

    let loads = 0
    const slowly = async (): Promise<number> => {
      loads += 1
      await pause(50)
      return 9
    }
    await Promise.all([a.getOrLoad('l', slowly), b.getOrLoad('l', slowly)])
    told['loads of two at once'] = loads

    const begun = deferred()
    const gate = deferred()
    const held = a.getOrLoad('r', async () => {
      begun.resolve()
      await gate.promise
      return 9
    })
    await begun.promise
    await b.delete('r')
    gate.resolve()
    await held
    await b.getOrLoad('r', () => 10, strong)
    told['after a load that was overtaken'] = await a.getOrLoad('r', () => 10, strong)
    return told
  }

  it.each([
    ['show the same', 0, 0],
    ['are two hours apart', HOUR_MS, -HOUR_MS],
    ['are two hours apart, the other way round', -HOUR_MS, HOUR_MS],
    ['are an hour apart', HOUR_MS, 0],
  ])('all goes as it should when the clocks of two processes %s', async (_, aMs, bMs) => {
    run += 1
    const told = await scenario(opened(skewed(aMs)), opened(skewed(bMs)))
    expect(told).toEqual(EXPECTED)
  })

  it.each([
    ['back', -HOUR_MS],
    ['on', HOUR_MS],
  ])('and when the wall clock is put %s by an hour meanwhile', async (_, byMs) => {
    run += 1
    const real = Date.now.bind(Date)
    const told = await scenario(opened(systemClock), opened(systemClock), () => {
      vi.spyOn(Date, 'now').mockImplementation(() => real() + byMs)
    })
    expect(told).toEqual(EXPECTED)
  })

  it('and when the clock of one jumps on by an hour, as after a sleep, it asks again', async () => {
    run += 1
    const clock = skewed(0)
    const [a, b] = [opened(clock), opened(systemClock)]
    await a.set('k', 1)
    expect(await a.get('k')).toBe(1)
    await b.set('k', 2)
    clock.offMs = HOUR_MS
    expect(await a.get('k')).toBe(2)
  })

  // The server's own clock cannot be set by a test. What it says of it can: scripts that it runs go by the true one.
  it.each([
    ['back', -3_600],
    ['on', 3_600],
  ])('and when what the server says of its time jumps %s by an hour meanwhile', async (_, by) => {
    run += 1
    await using proxy = await wireProxy(server)
    const [a, b] = [opened(systemClock, proxy), opened(systemClock, proxy)]
    const told = await scenario(a, b, () => {
      return jumped(proxy, by)
    })
    // Moments of the server are what tokens are made of, so they do not survive that.
    expect(told).toEqual({ ...EXPECTED, 'by a token': told['by a token'] })
  })

  it('no copy outlives what it was given when what the server says of its time jumps back by an hour', async () => {
    run += 1
    await using proxy = await wireProxy(server)
    const [a, b] = [opened(systemClock, proxy), opened(systemClock, proxy)]
    await a.set('k', 1, { ttl: '2s' })
    await jumped(proxy, -3_600)
    const { value, context } = await b.get.withContext('k')
    expect(value).toBe(1)
    expect(context.ttlMs).toBeLessThanOrEqual(2_000)
    await pause(2_100)
    expect(await b.get('k')).toBeUndefined()
  })
})

/** Resolves when every connection has been told so. */
async function jumped(proxy: WireProxy, seconds: number): Promise<void> {
  let told = 0
  proxy.rewrite = (frame) => {
    const said = withTime(frame, seconds)
    if (said !== frame) told += 1
    return said
  }
  // Both processes ask three times in 300 ms.
  await until('the time has been told', () => told >= 6)
}

/** An answer to `TIME`, put on by so many seconds; anything else as it is. */
function withTime(frame: Buffer, seconds: number): Buffer {
  const text = frame.toString('latin1')
  const found = /^\*2\r\n\$10\r\n(\d{10})\r\n(\$[1-6]\r\n\d{1,6}\r\n)$/.exec(text)
  if (found === null) return frame
  return Buffer.from(`*2\r\n$10\r\n${Number(found[1]) + seconds}\r\n${found[2]}`)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
