import { envelopeId, hasLease, type StoreLeaseAnswer, type StoreRead } from '@hitbox/core'
import { type FaultProxy, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisBackendOptions, single } from '../src/index.ts'
import type { RedisLeases } from '../src/lease/lease-port.ts'
import type { RedisStore } from '../src/store.ts'
import { dataOf, entry, feedOf, leasesOf, listening, Stores } from './stores.ts'

let server: RedisServer
let proxy: FaultProxy
const stores = new Stores()

beforeAll(async () => {
  server = await startRedis()
})
beforeEach(async () => {
  await server.command('FLUSHALL')
  proxy = await faultProxy(server)
})
afterEach(async () => {
  await stores.closeAll()
  await proxy.close()
})
afterAll(() => server.stop())

const direct = (options: Partial<RedisBackendOptions> = {}): RedisStore =>
  stores.open({ connection: single(server.url), ...options })

/** The lease in an answer. */
function granted(answer: StoreLeaseAnswer): Parameters<RedisLeases['fill']>[1] {
  if (answer.is === 'granted') return answer.lease
  throw new Error(`the lease is not granted but ${answer.is}`)
}

function idOf(read: StoreRead | undefined): number {
  const id = read && envelopeId(read.bytes)
  if (id === undefined) throw new Error('there is no envelope')
  return id
}

/** Two stores on one server, and a value that one of them has written. */
async function pair(
  options: Partial<RedisBackendOptions> = {},
): Promise<{ one: RedisStore; other: RedisStore; here: RedisLeases; there: RedisLeases }> {
  const [one, other] = [direct(options), direct(options)]
  await Promise.all([one.read('warm'), other.read('warm')])
  return { one, other, here: leasesOf(one), there: leasesOf(other) }
}

describe('a lease on nothing', () => {
  it('is given to one, and held for the others, whom a read tells that there is no value', async () => {
    const { one, here, there } = await pair()
    const lease = granted(await here.take('k', 'nothing'))
    const answer = await there.take('k', 'nothing')
    expect(answer.is).toBe('held')
    if (answer.is === 'held') {
      expect(answer.forMs).toBeGreaterThan(500)
      expect(answer.forMs).toBeLessThanOrEqual(1_000)
    }
    expect(dataOf('k', await one.read('k'))).toBe('!leased')
    expect(await here.fill('k', lease, entry('k', 'v', 5_000))).toBe(true)
    const found = await there.take('k', 'nothing')
    expect(found.is).toBe('found')
    if (found.is !== 'found') return
    expect(dataOf('k', found.read)).toBe('v')
    expect(found.read.trust).toBeUndefined()
    expect(found.read.ttlMs).toBeGreaterThan(4_000)
    expect(found.read.ttlMs).toBeLessThanOrEqual(5_000)
  })

  it('is taken over by who takes anything, and the former holder is refused', async () => {
    const { one, here, there } = await pair()
    const late = granted(await here.take('k', 'nothing'))
    const lease = granted(await there.take('k', 'anything'))
    expect(await here.fill('k', late, entry('k', 'late'))).toBe(false)
    expect(await here.renew('k', late)).toBe(false)
    await here.release('k', late)
    expect(await there.fill('k', lease, entry('k', 'v'))).toBe(true)
    expect(dataOf('k', await one.read('k'))).toBe('v')
  })

  it.for([
    ['removed', (other: RedisStore) => other.remove('k')],
    ['written', (other: RedisStore) => other.write('k', entry('k', 'theirs'))],
    ['expired', (other: RedisStore) => leasesOf(other).expire('k')],
    ['emptied', () => server.command('FLUSHALL')],
  ] as const)('refuses what is filled after the key was %s', async ([, change]) => {
    const { one, other, here } = await pair()
    const lease = granted(await here.take('k', 'nothing'))
    await change(other)
    expect(await here.fill('k', lease, entry('k', 'old'))).toBe(false)
    expect(dataOf('k', await one.read('k'))).not.toBe('old')
  })

  it('ends with its time, and may be renewed until then', async () => {
    const { here, there } = await pair({ leaseTime: '80ms' })
    const lease = granted(await here.take('k', 'nothing'))
    const begun = performance.now()
    while (performance.now() - begun < 200) expect(await here.renew('k', lease)).toBe(true)
    expect((await there.take('k', 'nothing')).is).toBe('held')
    await until('it is over', async () => (await server.command('EXISTS', 'k')) === 0)
    expect(await here.renew('k', lease)).toBe(false)
    expect(await here.fill('k', lease, entry('k', 'late'))).toBe(false)
    granted(await there.take('k', 'nothing'))
  })

  it('can be given back', async () => {
    const { here, there } = await pair()
    await here.release('k', granted(await here.take('k', 'nothing')))
    expect(await server.command('EXISTS', 'k')).toBe(0)
    granted(await there.take('k', 'nothing'))
  })

  it('may be filled with what has no end', async () => {
    const { one, here } = await pair()
    const lease = granted(await here.take('k', 'nothing'))
    const endless = entry('k', 'v', Number.POSITIVE_INFINITY)
    expect(await here.fill('k', lease, endless)).toBe(true)
    expect(await server.command('PTTL', 'k')).toBe(-1)
    expect(dataOf('k', await one.read('k'))).toBe('v')
  })

  it('is given back by who has nothing left to fill in', async () => {
    const { here } = await pair()
    const lease = granted(await here.take('k', 'nothing'))
    expect(await here.fill('k', lease, entry('k', 'over', 0))).toBe(false)
    expect(await server.command('EXISTS', 'k')).toBe(0)
  })
})

describe('a lease on a value', () => {
  it('leaves the value, its life and its id where they are', async () => {
    const { one, other, here, there } = await pair()
    await one.write('k', entry('k', 'old', 5_000))
    const old = await one.read('k')
    const lease = granted(await here.take('k', idOf(old)))
    const seen = await other.read('k')
    expect(dataOf('k', seen)).toBe('old')
    expect(idOf(seen)).toBe(idOf(old))
    expect(seen !== undefined && hasLease(seen.bytes)).toBe(true)
    expect(await server.command('PTTL', 'k')).toBeGreaterThan(4_000)
    expect((await there.take('k', idOf(old))).is).toBe('held')
    expect((await there.take('k', 'nothing')).is).toBe('found')
    expect(await here.renew('k', lease)).toBe(true)
    expect(await here.fill('k', lease, entry('k', 'new'))).toBe(true)
    expect(dataOf('k', await other.read('k'))).toBe('new')
    expect((await there.take('k', idOf(old))).is).toBe('found')
  })

  it('is given for whatever is there, over that of another', async () => {
    const { one, here, there } = await pair()
    await one.write('k', entry('k', 'old'))
    const late = granted(await here.take('k', idOf(await one.read('k'))))
    const lease = granted(await there.take('k', 'anything'))
    expect(await here.fill('k', late, entry('k', 'late'))).toBe(false)
    expect(await there.fill('k', lease, entry('k', 'new'))).toBe(true)
  })

  it('ends with its time', async () => {
    const { one, here, there } = await pair({ leaseTime: '50ms' })
    await one.write('k', entry('k', 'old'))
    const id = idOf(await one.read('k'))
    granted(await here.take('k', id))
    await until('it is over', async () => (await there.take('k', id)).is === 'granted')
  })

  it('can be given back', async () => {
    const { one, here, there } = await pair()
    await one.write('k', entry('k', 'old'))
    const id = idOf(await one.read('k'))
    await here.release('k', granted(await here.take('k', id)))
    expect(dataOf('k', await one.read('k'))).toBe('old')
    granted(await there.take('k', id))
  })

  it.for([
    ['removed', (other: RedisStore) => other.remove('k')],
    ['written', (other: RedisStore) => other.write('k', entry('k', 'theirs'))],
    ['expired', (other: RedisStore) => leasesOf(other).expire('k')],
  ] as const)('refuses what is filled after the key was %s', async ([, change]) => {
    const { one, other, here } = await pair()
    await one.write('k', entry('k', 'old'))
    const lease = granted(await here.take('k', idOf(await one.read('k'))))
    await change(other)
    expect(await here.fill('k', lease, entry('k', 'late'))).toBe(false)
    expect(dataOf('k', await one.read('k'))).not.toBe('late')
  })
})

describe('what is no value of this version', () => {
  const foreign = Buffer.from('somebody else was here')

  it('is replaced when it is named, or when anything is', async () => {
    const { here } = await pair()
    await server.command('SET', 'k', foreign)
    expect((await here.take('k', 'nothing')).is).toBe('found')
    expect((await here.take('k', Buffer.from('other bytes'))).is).toBe('found')
    expect(await server.commandBytes('GET', 'k')).toEqual(Uint8Array.from(foreign))
    const lease = granted(await here.take('k', foreign))
    expect(await here.fill('k', lease, entry('k', 'v'))).toBe(true)
    await server.command('SET', 'k', foreign)
    granted(await here.take('k', 'anything'))
  })

  it('is never replaced when a later version has written it', async () => {
    const { one, here } = await pair()
    for (const newer of [(bytes: Buffer) => (bytes[2] = 2), (bytes: Buffer) => (bytes[3] = 4)]) {
      const bytes = Buffer.from(entry('k', 'newer').bytes)
      newer(bytes)
      await server.command('SET', 'k', bytes)
      for (const over of ['nothing', 'anything', bytes, 0] as const) {
        expect((await here.take('k', over)).is).toBe('found')
      }
      expect(dataOf('k', await one.read('k'))).toMatch(/^!(newer-version|corrupt)$/)
    }
    await one.remove('k')
  })

  it('gives way where a key holds another type, as to a write', async () => {
    const { here } = await pair()
    await server.command('LPUSH', 'k', 'x')
    expect(await here.take('k', 'nothing')).toMatchObject({ is: 'granted' })
    expect(await server.command('TYPE', 'k')).toBe('string')
  })
})

describe('expire', () => {
  it('marks a value in its place, for its life', async () => {
    const { one, there } = await pair()
    await one.write('k', entry('k', 'v', 5_000))
    const id = idOf(await one.read('k'))
    expect(await there.expire('k')).toBe(true)
    expect(await there.expire('k')).toBe(true)
    const read = await one.read('k')
    expect(dataOf('k', read)).toBe('v')
    expect(idOf(read)).toBe(id)
    expect(read?.bytes.at(-1)).toBe(1)
    expect(await server.command('PTTL', 'k')).toBeGreaterThan(4_000)
    expect(await there.expire('nothing')).toBe(false)
  })
})

describe('leases on the wire', () => {
  it('are one write each, and go on when the server has forgotten the scripts', async () => {
    const { host, port } = proxy
    const store = stores.open({ connection: single({ host, port }) })
    const leases = leasesOf(store)
    // Each of them once, so that the server knows them.
    const first = granted(await leases.take('warm', 'nothing'))
    await leases.renew('warm', first)
    await leases.fill('warm', first, entry('warm', 'v'))
    await leases.release('warm', first)
    await leases.expire('warm')
    const writes = async (call: () => unknown): Promise<number> => {
      proxy.resetStats()
      await call()
      return proxy.stats().writes
    }
    let lease = first
    const take = async (): Promise<void> => {
      lease = granted(await leases.take('k', 'nothing'))
    }
    expect(await writes(take)).toBe(1)
    expect(await writes(() => leases.renew('k', lease))).toBe(1)
    expect(await writes(() => leases.fill('k', lease, entry('k', 'v')))).toBe(1)
    expect(await writes(() => leases.release('k', lease))).toBe(1)
    expect(await writes(() => leases.expire('k'))).toBe(1)
    expect(await writes(() => store.read('k'))).toBe(1)
    expect(await writes(() => store.remove('k'))).toBe(1)
    await server.command('SCRIPT', 'FLUSH')
    expect(await writes(take)).toBe(2)
    expect(await writes(() => leases.fill('k', lease, entry('k', 'v')))).toBe(2)
    await server.command('SCRIPT', 'FLUSH')
    expect(await writes(() => leases.expire('k'))).toBe(2)
  })

  it('are granted, and filled, though the first answer was lost', async () => {
    const { host, port } = proxy
    const store = stores.open({
      connection: single({ host, port }),
      retries: 3,
      responseTimeout: '5s',
    })
    const leases = leasesOf(store)
    // The server knows the scripts, so that each is sent once.
    const warm = granted(await leases.take('warm', 'nothing'))
    await leases.fill('warm', warm, entry('warm', 'v'))
    const cut = async <T>(call: () => Promise<T>): Promise<T> => {
      await proxy.set({ stall: 'to-client' })
      const before = Number(await server.command('STRLEN', 'k'))
      const answer = call()
      await until('it was done', async () => Number(await server.command('STRLEN', 'k')) > before)
      await proxy.set('reset')
      await proxy.set('pass')
      return answer
    }
    const lease = granted(await cut(() => leases.take('k', 'nothing')))
    expect(await cut(() => leases.fill('k', lease, entry('k', 'v')))).toBe(true)
    expect(dataOf('k', await store.read('k'))).toBe('v')
  })

  it('go on telling this process what becomes of the key', async () => {
    const { one, other, here, there } = await pair()
    const heard = await listening(one)
    heard.told.length = 0
    const told = async (): Promise<readonly string[]> => {
      await feedOf(one).barrier()
      return heard.told.splice(0)
    }
    const lease = granted(await here.take('k', 'nothing'))
    expect(await told()).toEqual([])
    await there.take('k', 'anything')
    expect(await told()).toEqual(['k'])
    await other.remove('k')
    const again = granted(await here.take('k', 'nothing'))
    await here.renew('k', again)
    await here.fill('k', again, entry('k', 'v'))
    expect(await told()).toEqual([])
    await other.remove('k')
    expect(await told()).toEqual(['k'])
    expect(lease).toBeDefined()
    await one.write('k', entry('k', 'v'))
    await here.expire('k')
    await other.remove('k')
    expect(await told()).toEqual(['k'])
  })
})
