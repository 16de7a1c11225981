import { type CacheBackend, CacheError, cacheValue, createContext, liftBackend } from '@hitbox/core'
import {
  backendContract,
  type BackendSubject,
  casesFor,
  chaosBackend,
  ChaosError,
  chaosStore,
  type Corruption,
  manualClock,
  seededChaos,
} from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { worn } from './support/broken.ts'
import { mapSubject } from './support/map-subject.ts'
import { MapStore } from './support/map-store.ts'

const clock = manualClock()
const value = cacheValue('v', { ttl: '1h', clock })
const tier = (): CacheBackend => liftBackend(new MapStore(clock), { clock })

describe('chaosBackend', () => {
  it('does as the plan says for each call, by operation and number', async () => {
    const seen: string[] = []
    const backend = chaosBackend(tier(), ({ operation, index }) => {
      seen.push(`${index} ${operation}`)
      return index === 1 ? 'fail' : undefined
    })
    await backend.set('k', value)
    await expect(backend.get('k')).rejects.toThrow(ChaosError)
    expect((await backend.get('k'))?.data).toBe('v')
    await backend.setMany([['k', value]])
    await backend.getMany(['k'])
    await backend.deleteMany(['k'])
    await backend.delete('k')
    await backend.ready()
    await backend.close()
    expect(seen.map((line) => line.slice(2)).join(' ')).toBe(
      'set get get setMany getMany deleteMany delete ready close',
    )
    expect(backend.calls).toBe(9)
  })

  it('hangs until it is released', async () => {
    const inner = tier()
    const backend = chaosBackend(inner, 'hang')
    const writing = backend.set('k', value)
    expect(backend.hanging).toBe(1)
    expect(inner.stats().writes).toBe(0)
    backend.release()
    await writing
    expect(backend.hanging).toBe(0)
    expect((await inner.get('k'))?.data).toBe('v')
  })

  it('is late by the clock', async () => {
    const own = manualClock()
    const inner = tier()
    await inner.set('k', value)
    const backend = chaosBackend(inner, { delay: '2s' }, { clock: own })
    let found: unknown
    const reading = Promise.resolve(backend.get('k')).then((entry) => (found = entry?.data))
    own.advance('1999ms')
    await new Promise((resolve) => setImmediate(resolve))
    expect(found).toBeUndefined()
    own.advance('1ms')
    expect(await reading).toBe('v')
  })

  it('fails without and after the deed', async () => {
    const inner = tier()
    await expect(chaosBackend(inner, 'fail').set('a', value)).rejects.toThrow(ChaosError)
    await expect(chaosBackend(inner, 'fail-after').set('b', value)).rejects.toThrow(ChaosError)
    expect(await inner.get('a')).toBeUndefined()
    expect((await inner.get('b'))?.data).toBe('v')
  })

  it('hands contexts on, at once or late, and has nothing at once that it could not disturb', async () => {
    const inner = worn(tier(), { hit: () => value })
    const contexts = [createContext(), createContext()]
    await chaosBackend(inner, () => undefined).get('k', { context: contexts[0] })
    const hanging = chaosBackend(inner, 'hang')
    const late = hanging.get('k', { context: contexts[1] })
    hanging.release()
    await late
    expect(typeof hanging.hit).toBe('undefined')
    expect(contexts.map(({ missReason }) => missReason)).toEqual(['absent', 'absent'])
    const batch = [createContext()]
    await chaosBackend(tier(), () => undefined).getMany(['k'], { contexts: batch })
    expect(batch[0]?.missReason).toBe('absent')
  })

  it('has the lowest tier in the same chaos, says what is said of meta, and has no clear', async () => {
    const lowest = tier()
    const inner = Object.assign(worn(tier(), { clear: () => {}, keepsMeta: false }), { lowest })
    const backend = chaosBackend(inner, ({ operation }) =>
      operation === 'get' ? 'fail' : undefined,
    )
    await backend.lowest?.set('k', value)
    await expect(backend.lowest?.get('k')).rejects.toThrow(ChaosError)
    expect((await lowest.get('k'))?.data).toBe('v')
    expect(backend.calls).toBe(2)
    expect([backend.keepsMeta, 'clear' in backend]).toEqual([false, false])
    const plain = chaosBackend(tier(), 'fail')
    expect([plain.keepsMeta, plain.lowest]).toEqual([true, undefined])
  })

  it('disturbs neither ready nor close unless the plan says so', async () => {
    const backend = chaosBackend(tier(), 'fail')
    await backend.ready()
    await backend.close()
  })

  it('does the same in every run of a seeded plan, for about the share it is told', () => {
    const run = (seed: number): string => {
      const plan = seededChaos({ seed, share: 0.25, faults: ['fail', 'hang'] })
      return Array.from({ length: 1_000 }, (_, index) =>
        (plan({ operation: 'get', index }) ?? '-').charAt(0),
      ).join('')
    }
    expect(run(1)).toBe(run(1))
    expect(run(1)).not.toBe(run(2))
    const disturbed = run(1).replaceAll('-', '')
    expect(disturbed.length).toBeGreaterThan(200)
    expect(disturbed.length).toBeLessThan(300)
    expect(new Set(disturbed)).toEqual(new Set(['f', 'h']))
    expect(() => seededChaos({ seed: 1, share: 2, faults: ['fail'] })).toThrow(CacheError)
    expect(() => seededChaos({ seed: 1, share: 1, faults: [] })).toThrow(CacheError)
  })

  describe('that does nothing is as good as what it wraps:', () => {
    const subject: BackendSubject = mapSubject(MapStore, (inner) =>
      chaosBackend(inner, () => undefined),
    )
    for (const promise of casesFor(backendContract, subject)) {
      it(`${promise.id} ${promise.title}`, () => promise.run(subject))
    }
  })
})

describe('chaosStore', () => {
  const corrupt = async (how: Corruption): Promise<readonly [CacheBackend, unknown]> => {
    const store = new MapStore(clock)
    const inner = liftBackend(store, { clock })
    await inner.set('a', cacheValue('of a', { ttl: '1h', clock }))
    await inner.set('b', cacheValue('of b', { ttl: '1h', clock }))
    let on = false
    const backend = liftBackend(
      chaosStore(store, () => (on ? how : undefined)),
      { clock },
    )
    expect((await backend.get('a'))?.data).toBe('of a')
    on = true
    const broken = await backend.get('b')
    on = false
    expect((await backend.get('b'))?.data).toBe('of b')
    return [backend, broken]
  }

  it.each([
    ['truncate', 'truncated'],
    ['flip', 'corrupt'],
    ['swap', 'wrong-key'],
  ] as const)('can %s what is read, and leaves what is stored', async (how, reason) => {
    const [backend, broken] = await corrupt(how)
    expect(broken).toBeUndefined()
    expect(backend.stats().dropped).toEqual({ [reason]: 1 })
  })

  it('fails and hangs, and the lift tells it as any failure of a store', async () => {
    const store = chaosStore(new MapStore(clock), ({ operation }) =>
      operation === 'read' ? 'fail' : 'hang',
    )
    const backend = liftBackend(store, { clock })
    const failure = await Promise.resolve(backend.get('k')).catch((error: unknown) => error)
    expect(CacheError.is(failure, 'BACKEND_FAILED') && failure.cause).toBeInstanceOf(ChaosError)
    const writing = backend.set('k', value)
    const deleting = backend.delete('k')
    expect(store.hanging).toBe(2)
    store.release()
    await writing
    expect(await deleting).toEqual({ status: 'deleted', count: 1 })
    expect(store.calls).toBe(3)
    await backend.ready()
    await backend.close()
  })
})
