import { type CacheValue, createContext } from '@hitbox/core'
import { manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyOrder } from '../src/key-order.ts'
import { compose, type ReadPolicy, tierGuard, type TierGuard } from '../src/index.ts'
import { guardUntil } from './support/guard-until.ts'
import { scriptedTier } from './support/scripted-tier.ts'

const NEVER = Number.POSITIVE_INFINITY
const value = (data: string): CacheValue<string> => ({ data, staleAt: NEVER, expiresAt: NEVER })

describe('tierGuard', () => {
  it('allows a copy when nothing happened to its key', () => {
    const guard = tierGuard()
    const ticket = guard.beginFill('k')
    expect(guard.mayFill('k', ticket)).toBe(true)
    expect(guard.mayFill('k', guard.beginFill('k'))).toBe(true)
  })

  it.each<[string, (guard: TierGuard) => number]>([
    [
      'began before a change that has ended',
      (guard) => {
        const ticket = guard.beginFill('k')
        guard.beginChange('k')
        guard.endChange('k')
        return ticket
      },
    ],
    [
      'began before a change that runs',
      (guard) => {
        const ticket = guard.beginFill('k')
        guard.beginChange('k')
        return ticket
      },
    ],
    [
      'began during a change that runs',
      (guard) => {
        guard.beginChange('k')
        return guard.beginFill('k')
      },
    ],
    [
      'began during a change that has ended',
      (guard) => {
        guard.beginChange('k')
        const ticket = guard.beginFill('k')
        guard.endChange('k')
        return ticket
      },
    ],
    [
      'began between two changes of which one still runs',
      (guard) => {
        guard.beginChange('k')
        guard.beginChange('k')
        guard.endChange('k')
        return guard.beginFill('k')
      },
    ],
  ])('refuses a copy whose read %s', (_, play) => {
    const guard = tierGuard()
    expect(guard.mayFill('k', play(guard))).toBe(false)
  })

  it('allows a copy whose read began after the change ended', () => {
    const guard = tierGuard()
    guard.beginChange('k')
    guard.endChange('k')
    expect(guard.mayFill('k', guard.beginFill('k'))).toBe(true)
  })

  it('keeps the copies of other keys apart from all but a few', () => {
    const guard = tierGuard()
    const tickets = Array.from({ length: 1_000 }, (_, id) => guard.beginFill(`user:${id}`))
    guard.beginChange('order:1')
    guard.endChange('order:1')
    const refused = tickets.filter((ticket, id) => !guard.mayFill(`user:${id}`, ticket)).length
    expect(refused).toBeLessThan(5)
  })

  it('knows a key as contended while changes that overlapped run, and not after', () => {
    const guard = tierGuard()
    guard.beginChange('k')
    expect(guard.contended('k')).toBe(false)
    guard.beginChange('k')
    guard.endChange('k')
    expect(guard.contended('k')).toBe(true)
    guard.endChange('k')
    expect(guard.contended('k')).toBe(false)
  })

  it('holds nothing at rest, whatever happened', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 50 }), (keys) => {
        const guard = tierGuard()
        for (const key of keys) {
          guard.beginFill(key)
          guard.beginChange(key)
        }
        expect(guard.changing).toBe(new Set(keys).size)
        for (const key of keys) guard.endChange(key)
        expect(guard.changing).toBe(0)
      }),
    )
  })
})

describe('a guard whose trust ends', () => {
  it.each<ReadPolicy>(['sequential', 'race', 'parallel'])(
    'sends reads past the upper tiers, with the policy %s',
    async (read) => {
      const clock = manualClock()
      const end = clock.now() + 1_000
      const upper = scriptedTier('upper')
      const lower = scriptedTier('lower')
      const tiers = compose(upper, lower, { clock, read, guard: guardUntil(() => end) })
      upper.entries.set('k', value('upper'))
      lower.entries.set('k', value('lower'))
      upper.entries.set('only', value('upper'))
      clock.advance(999)
      expect(tiers.get('k')).toEqual(value('upper'))
      clock.advance(1)
      const context = createContext()
      expect(tiers.get('k', { context })).toEqual(value('lower'))
      expect(context).toMatchObject({ status: 'hit', source: 'tiers.lower' })
      expect(await tiers.getMany(['k'])).toEqual([{ ok: true, value: value('lower') }])
      expect(tiers.get('only', { context })).toBeUndefined()
      expect(context).toMatchObject({ status: 'forward', source: 'upstream' })
    },
  )

  it('says untrusted when the tiers below have nothing to say', async () => {
    const clock = manualClock()
    const upper = scriptedTier('upper')
    const failing = scriptedTier('lower', () => {
      throw new Error('broken')
    })
    const tiers = compose(upper, failing, { clock, guard: guardUntil(() => 0) })
    upper.entries.set('k', value('upper'))
    const context = createContext()
    expect(tiers.get('k', { context })).toBeUndefined()
    expect(context.missReason).toBe('untrusted')
  })

  it('hides a copy from peek', () => {
    let until = NEVER
    const clock = manualClock()
    const upper = scriptedTier('upper')
    upper.peek = <T>(key: unknown) => upper.entries.get(key as string) as CacheValue<T> | undefined
    const tiers = compose(upper, scriptedTier('lower'), { clock, guard: guardUntil(() => until) })
    upper.entries.set('k', value('upper'))
    expect(tiers.peek?.('k')?.data).toBe('upper')
    until = clock.now()
    expect(tiers.peek?.('k')).toBeUndefined()
  })
})

describe('a guard that refuses', () => {
  it('keeps copies out of upper tiers, and is asked for each', async () => {
    const own = tierGuard()
    const asked: string[] = []
    const guard: TierGuard = {
      trustedUntil: NEVER,
      beginFill: (key) => own.beginFill(key),
      mayFill: (key) => {
        asked.push(key)
        return key === 'good'
      },
      beginChange: (key) => own.beginChange(key),
      contended: (key) => own.contended(key),
      endChange: (key) => own.endChange(key),
      changeAll: () => own.changeAll(),
    }
    const upper = scriptedTier('upper')
    const lower = scriptedTier('lower')
    const tiers = compose(upper, lower, { guard })
    for (const key of ['good', 'bad']) lower.entries.set(key, value(key))
    await tiers.get('bad')
    await tiers.getMany(['good', 'bad'])
    expect([...upper.entries.keys()]).toEqual(['good'])
    expect(asked).toEqual(['bad', 'good', 'bad'])
  })
})

describe('KeyOrder', () => {
  it('begins at once when nothing is in flight, and holds nothing of what was answered at once', () => {
    const order = new KeyOrder()
    expect(order.run(['k'], () => 'done')).toBe('done')
    expect(order.size).toBe(0)
  })

  it('lets operations on one key follow each other, whatever else they touch, and is empty at rest', async () => {
    const order = new KeyOrder()
    const log: string[] = []
    const step = (name: string) => async (): Promise<void> => {
      log.push(`${name} begins`)
      await Promise.resolve()
      log.push(`${name} ends`)
    }
    const all = [
      order.run(['a', 'b'], step('first')),
      order.run(['c'], step('other')),
      order.run(['b', 'c'], step('second')),
      order.run(['a'], step('third')),
    ]
    expect(log).toEqual(['first begins', 'other begins'])
    expect(order.size).toBe(3)
    await Promise.all(all.map(async (each) => each))
    expect(log.indexOf('second begins')).toBeGreaterThan(log.indexOf('other ends'))
    expect(log.indexOf('third begins')).toBeGreaterThan(log.indexOf('first ends'))
    expect(order.size).toBe(0)
  })
})
