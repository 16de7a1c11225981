import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import {
  type CacheBackend,
  CacheError,
  type CacheEvent,
  type CacheValue,
  cacheValue,
  type Compressor,
  createContext,
  deleteStatus,
  envelopeId,
  type Format,
  type LeaseAnswer,
  type Leases,
  liftBackend,
  type LiftOptions,
  type StoreRead,
} from '../src/index.ts'
import { plainJson } from './memory-store.ts'
import { markedStale, SharedStore } from './shared-store.ts'

const clock = manualClock()

interface Opened {
  readonly store: SharedStore
  readonly tier: CacheBackend
  readonly leases: Leases
  readonly events: readonly CacheEvent[]
}

function open(changes: Partial<SharedStore> = {}, options: LiftOptions = {}): Opened {
  const store = Object.assign(new SharedStore(() => clock.now()), changes)
  const events: CacheEvent[] = []
  const tier = liftBackend(store, { clock, onEvent: (event) => events.push(event), ...options })
  return { store, tier, leases: tier.leases!, events }
}

const lasting = <T>(data: T): CacheValue<T> => cacheValue(data, { ttl: '1m', clock })
const failing =
  (error: unknown) =>
  <T>(): Promise<T> =>
    Promise.reject(error)

async function granted(answer: LeaseAnswer | Promise<LeaseAnswer>): Promise<never> {
  const { is, lease } = (await answer) as LeaseAnswer & { lease: never }
  expect(is).toBe('granted')
  return lease
}

async function rejection(work: unknown): Promise<unknown> {
  try {
    return ['no failure', await work]
  } catch (error) {
    return error
  }
}

describe('the leases of a lifted store', () => {
  it('are there where the store has them, and keeps envelopes', () => {
    expect(open().tier.leases).toBeDefined()
    expect(open({ layout: 'raw' }).tier.leases).toBeUndefined()
    expect(open({ leases: undefined as never }).tier.leases).toBeUndefined()
  })

  it('are given to one of those who want to fill a key, until it is filled', async () => {
    const { leases, tier } = open()
    const lease = await granted(leases.take('k'))
    expect(lease).toMatchObject({ key: 'k', leaseMs: 1_000 })
    clock.advance(400)
    expect(await leases.take('k')).toEqual({ is: 'held', forMs: 600 })
    const value = await leases.fill(lease, lasting('v'))
    expect(value).toMatchObject({ data: 'v' })
    expect(await leases.take('k')).toMatchObject({ is: 'found', value: { data: 'v' } })
    expect(await tier.get('k')).toMatchObject({ data: 'v' })
  })

  it('refuse the fill of a lease that has ended, by a write, a removal or somebody else', async () => {
    const { leases, tier } = open()
    const overwritten = await granted(leases.take('k'))
    await tier.set('k', lasting('theirs'))
    expect(await leases.fill(overwritten, lasting('mine'))).toBeUndefined()
    expect(await tier.get('k')).toMatchObject({ data: 'theirs' })
    const removed = await granted(leases.take('k', { over: 'anything' }))
    await tier.delete('k')
    expect(await leases.fill(removed, lasting('mine'))).toBeUndefined()
    const late = await granted(leases.take('k'))
    clock.advance(1_000)
    const next = await granted(leases.take('k'))
    expect(await leases.fill(late, lasting('late'))).toBeUndefined()
    expect(await leases.fill(next, lasting('next'))).toMatchObject({ data: 'next' })
  })

  it('are renewed while they last, and free when they are released', async () => {
    const { leases } = open()
    const lease = await granted(leases.take('k'))
    clock.advance(900)
    expect(await leases.renew(lease)).toBe(true)
    clock.advance(900)
    expect(await leases.take('k')).toEqual({ is: 'held', forMs: 100 })
    await leases.release(lease)
    await granted(leases.take('k'))
    expect(await leases.renew(lease)).toBe(false)
  })

  it('make a value stale in its place, end the lease on it, and tell whether there was one', async () => {
    const { leases, tier } = open()
    expect(await leases.expire('k')).toBe(false)
    await tier.set('k', lasting('v'))
    const { expiresAt } = (await tier.get('k'))!
    const lease = await granted(leases.take('k', { over: (await tier.get('k'))! }))
    expect(await leases.expire('k')).toBe(true)
    const stale = (await tier.get('k'))!
    expect(stale).toMatchObject({ data: 'v', staleAt: clock.now(), expiresAt })
    expect(await leases.fill(lease, lasting('new'))).toBeUndefined()
  })

  it('take over the one value that was read, which stays until the new one comes', async () => {
    const { leases, store, tier } = open()
    await tier.set('k', lasting('old'))
    const old = (await tier.get('k'))!
    expect(old.meta!.id).toBe(envelopeId(store.entries.get('k')!))
    const lease = await granted(leases.take('k', { over: old }))
    expect(store.taken.at(-1)).toBe(old.meta!.id)
    expect(await tier.get('k')).toEqual(old)
    expect(await leases.take('k', { over: old })).toMatchObject({ is: 'held' })
    const filled = (await leases.fill(lease, lasting('new')))!
    expect(filled.meta!.id).toBe((await tier.get('k'))!.meta!.id)
    expect(filled.meta!.id).not.toBe(old.meta!.id)
    expect(await leases.take('k', { over: old })).toMatchObject({ value: { data: 'new' } })
    await granted(leases.take('k', { over: filled }))
  })

  it('keep what else travels with a value beside its id', async () => {
    const { leases, tier } = open()
    const lease = await granted(leases.take('k'))
    const meta = { madeAt: clock.now() - 5, loadMs: 7, tags: { t: '1' } }
    const filled = await leases.fill(lease, { ...lasting('v'), meta })
    expect(filled!.meta).toMatchObject(meta)
    expect((await tier.get('k'))!.meta).toMatchObject(filled!.meta!)
  })

  it('take a value without an id for none', async () => {
    const { leases, store } = open()
    await granted(leases.take('k', { over: lasting('v') }))
    expect(store.taken).toEqual(['nothing'])
  })

  it('explain a value that was found, and none that was not', async () => {
    const { leases, tier } = open()
    const context = createContext()
    await leases.take('none', { context })
    expect(context).toEqual(createContext())
    await tier.set('k', lasting('v'))
    await leases.take('k', { context })
    expect(context).toMatchObject({ format: 'json' })
    expect(context.bytes).toBeGreaterThan(0)
  })

  it('count and tell a fill as a write, and no fill that was refused', async () => {
    const { events, leases, tier } = open()
    const lease = await granted(leases.take('k'))
    await leases.fill(lease, lasting('v'))
    await leases.fill(lease, lasting('late'))
    expect(tier.stats().writes).toBe(1)
    expect(events.filter(({ type }) => type === 'write')).toHaveLength(1)
  })

  describe('over bytes that hold no value', () => {
    const sealed = async (data: unknown = 'v'): Promise<Uint8Array> => {
      const { store, tier } = open()
      await tier.set('k', lasting(data))
      return store.entries.get('k')!
    }
    const flipped = (bytes: Uint8Array, at: number): Uint8Array => {
      const other = Uint8Array.from(bytes)
      other[at] = other[at]! ^ 64
      return other
    }

    it.each<[string, (bytes: Uint8Array) => Uint8Array]>([
      ['foreign', () => new TextEncoder().encode('hello')],
      ['empty', () => new Uint8Array()],
      ['older', (bytes) => Uint8Array.from([...bytes.subarray(0, 2), 0, ...bytes.subarray(3)])],
      ['truncated', (bytes) => bytes.slice(0, 20)],
      ['corrupt', (bytes) => flipped(bytes, 60)],
      ['corrupt in what tells a lease from a value', (bytes) => flipped(bytes, 3)],
      ['truncated by little', (bytes) => bytes.slice(0, -1)],
      ['of a lease that is none', (bytes) => Uint8Array.from(bytes, (b, at) => (at === 3 ? 2 : b))],
    ])('replace exactly those: %s', async (_, broken) => {
      const { leases, store, tier } = open()
      const bytes = broken(await sealed())
      store.entries.set('k', bytes)
      const lease = await granted(leases.take('k'))
      expect(store.taken).toEqual(['nothing', bytes])
      expect(await leases.fill(lease, lasting('new'))).toMatchObject({ data: 'new' })
      expect(await tier.get('k')).toMatchObject({ data: 'new' })
    })

    it('replace a whole envelope of another key by its id, and leave it until then', async () => {
      const { leases, store } = open()
      const bytes = await sealed()
      store.entries.set('other', bytes)
      const lease = await granted(leases.take('other'))
      expect(store.taken).toEqual(['nothing', envelopeId(bytes)])
      expect(store.entries.get('other')).toBe(bytes)
      expect(await leases.take('other')).toMatchObject({ is: 'held' })
      expect(await leases.fill(lease, lasting('new'))).toMatchObject({ data: 'new' })
    })

    it('keep the bytes that were judged, though the store uses their place again', async () => {
      const shared = new Uint8Array(5)
      const { leases, store } = open()
      const take = store.leases.take.bind(store.leases)
      store.entries.set('k', new TextEncoder().encode('hello'))
      Object.assign(store.leases, {
        take: async (key: string, over: never) => {
          const answer = await take(key, over)
          if (answer.is !== 'found') return answer
          shared.set(answer.read.bytes)
          queueMicrotask(() => queueMicrotask(() => shared.fill(0)))
          return { is: 'found', read: { bytes: shared } }
        },
      })
      await granted(leases.take('k'))
    })

    it('leave those of a later version alone', async () => {
      const { leases, store } = open()
      const bytes = await sealed()
      store.entries.set('k', Uint8Array.from([...bytes.subarray(0, 2), 2, ...bytes.subarray(3)]))
      expect(await leases.take('k')).toEqual({ is: 'refused', reason: 'newer-version' })
      expect(store.taken).toEqual(['nothing'])
      expect(store.entries.get('k')![2]).toBe(2)
    })

    it('give up where somebody puts other such bytes there again and again', async () => {
      const { leases, store } = open()
      let count = 0
      const take = store.leases.take.bind(store.leases)
      Object.assign(store.leases, {
        take: async (key: string, over: never) => {
          store.entries.set(key, Uint8Array.from([7, (count += 1)]))
          return take(key, over)
        },
      })
      expect(await leases.take('k')).toEqual({ is: 'refused', reason: 'foreign' })
      expect(count).toBe(4)
    })

    it('take an entry that is over for nothing', async () => {
      const { leases, tier } = open()
      await tier.set('k', lasting('v'))
      clock.advance('1m')
      const lease = await granted(leases.take('k'))
      expect(await leases.take('k')).toMatchObject({ is: 'held' })
      expect(await leases.fill(lease, lasting('new'))).toMatchObject({ data: 'new' })
    })

    it('take an entry that nobody vouches for, or that no longer decodes, for nothing', async () => {
      const { leases, store, tier } = open()
      await tier.set('k', lasting('v'))
      store.trust.set('k', 'none')
      await granted(leases.take('k'))
      const rotten: Format = {
        ...plainJson,
        decode: () => {
          throw new Error('rotten')
        },
      }
      const other = open({ valueFormat: rotten })
      await other.tier.set('k', lasting('v'))
      await granted(other.leases.take('k'))
    })

    it('find a value that is decoded off the event loop, and replace one that is not', async () => {
      let fails = false
      const slow: Compressor = {
        id: 'slow',
        compress: async (raw) => raw,
        decompress: async (bytes) => {
          await Promise.resolve()
          if (fails) throw new Error('cut off')
          return bytes
        },
      }
      const { leases, tier } = open({ compressor: slow })
      await tier.set('k', lasting('v'))
      expect(await leases.take('k')).toMatchObject({ is: 'found', value: { data: 'v' } })
      fails = true
      await granted(leases.take('k'))
    })
  })

  describe('with a value that cannot be stored', () => {
    const late: Compressor = {
      id: 'late',
      compress: async () => {
        await Promise.resolve()
        throw new CacheError('ENCODE_FAILED', 'no', { details: { format: 'json' } })
      },
      decompress: (bytes) => bytes,
    }
    const unencodable: Format = {
      ...plainJson,
      encode: () => {
        throw new CacheError('ENCODE_FAILED', 'no', { details: { format: 'json' } })
      },
    }
    const CASES: readonly [string, unknown, Partial<SharedStore>, LiftOptions][] = [
      ['one that has no bytes', 'v', { valueFormat: unencodable }, {}],
      ['one that turns out so late', 'v', { compressor: late }, {}],
      ['one that is too large', 'x'.repeat(200), {}, { maxValueBytes: 100 }],
    ]

    it.each(CASES)('give the lease back and fail: %s', async (_, data, changes, options) => {
      const { leases, store } = open(changes, options)
      const lease = await granted(leases.take('k'))
      expect(await rejection(leases.fill(lease, lasting(data)))).toBeInstanceOf(Error)
      expect(store.released).toEqual(['k'])
      await granted(leases.take('k'))
    })

    it.each(CASES)(
      'tell what is wrong with it, though the lease cannot be given back: %s',
      async (_, data, changes, options) => {
        const { events, leases, store, tier } = open(changes, options)
        const lease = await granted(leases.take('k'))
        Object.assign(store.leases, { release: failing(new Error('the server is gone')) })
        const error = await rejection(leases.fill(lease, lasting(data)))
        expect(error).toMatchObject({ code: expect.stringMatching(/^(ENCODE_FAILED|TOO_LARGE)$/) })
        // The failure that nobody is thrown is told all the same.
        expect(tier.stats().errors).toBe(2)
        expect(events.filter(({ type }) => type === 'error')).toHaveLength(2)
      },
    )

    it('leave the old value where it is', async () => {
      const { leases, tier } = open({}, { maxValueBytes: 100 })
      await tier.set('k', lasting('old'))
      const lease = await granted(leases.take('k', { over: (await tier.get('k'))! }))
      expect(await rejection(leases.fill(lease, lasting('x'.repeat(200))))).toMatchObject({
        code: 'TOO_LARGE',
      })
      expect(await tier.get('k')).toMatchObject({ data: 'old' })
    })

    it('give the lease back for one that is over already, and call it refused', async () => {
      const { leases, store, tier } = open()
      const lease = await granted(leases.take('k'))
      const over = { data: 'v', staleAt: 0, expiresAt: clock.now() }
      expect(await leases.fill(lease, over)).toBeUndefined()
      expect(store.released).toEqual(['k'])
      expect(await tier.get('k')).toBeUndefined()
      await granted(leases.take('k'))
    })
  })

  it.each<[string, string, (leases: Leases, lease: never) => unknown]>([
    ['take', 'read', (leases) => leases.take('k')],
    ['fill', 'write', (leases, lease) => leases.fill(lease, lasting('v'))],
    ['renew', 'write', (leases, lease) => leases.renew(lease)],
    ['release', 'write', (leases, lease) => leases.release(lease)],
    ['expire', 'write', (leases) => leases.expire('k')],
  ])('fail like other operations when the store does: %s', async (verb, operation, run) => {
    const { events, leases, store, tier } = open()
    const lease = await granted(leases.take('k'))
    Object.assign(store.leases, { [verb]: failing(new Error('gone')) })
    const error = await rejection(run(leases, lease))
    expect(error).toMatchObject({ code: 'BACKEND_FAILED', details: { operation } })
    expect(tier.stats().errors).toBe(1)
    expect(events.at(-1)).toMatchObject({ type: 'error', operation })
    await tier.close()
    expect(await rejection((async () => run(leases, lease))())).toMatchObject({ code: 'CLOSED' })
  })
})

describe('what a store says of its entries', () => {
  const readAs = (change: (read: StoreRead) => StoreRead): CacheBackend => {
    const { store, tier } = open()
    const read = store.read.bind(store)
    Object.assign(store, {
      read: (key: string) => {
        const found = read(key)
        return found && change(found)
      },
      remove: () => deleteStatus(0),
    })
    return tier
  }

  it('makes a miss of one that it does not vouch for', async () => {
    const tier = readAs(({ bytes }) => ({ bytes, trust: 'none' }))
    await tier.set('k', lasting('v'))
    const context = createContext()
    expect(await tier.get('k', { context })).toBeUndefined()
    expect(context.missReason).toBe('other-epoch')
    expect(tier.stats().dropped).toEqual({ 'other-epoch': 1 })
  })

  it.each<[string, (read: StoreRead) => StoreRead]>([
    ['that it does not vouch for its being current', ({ bytes }) => ({ bytes, trust: 'stale' })],
    ['that it was made stale in its place', ({ bytes }) => ({ bytes: markedStale(bytes) })],
  ])('makes one stale now that lives on: %s', async (_, change) => {
    const tier = readAs(change)
    const value = lasting('v')
    await tier.set('k', value)
    clock.advance(5)
    const found = await tier.get('k')
    expect(found).toMatchObject({ data: 'v', staleAt: clock.now(), expiresAt: value.expiresAt })
  })

  it('gives values an id only where there is something to do with it', async () => {
    const { tier } = open({ leases: undefined as never })
    await tier.set('k', lasting('v'))
    expect((await tier.get('k'))!.meta).toBeUndefined()
  })
})
