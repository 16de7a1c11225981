import { type RedisServer, startRedis, until } from '@hitbox/testing'
import type { Cache } from 'hitbox'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LONG } from './support/amount.ts'
import type { Mechanism } from '../src/disarmed.ts'
import { Caches } from './support/caches.ts'
import { type WireProxy, wireProxy } from './support/wire-proxy.ts'

/** Every how many bytes the connection is cut; coprime to what lengths repeat. */
const STEP = LONG ? 1 : 13

describe('G9 a lost connection means cold, not wrong', () => {
  let server: RedisServer
  let proxy: WireProxy
  let other: Cache<number>
  const caches = new Caches()

  beforeAll(async () => {
    server = await startRedis()
    proxy = await wireProxy(server)
  })
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]()
    await server.stop()
  })
  beforeEach(() => {
    other = caches.open(server.url)
  })
  afterEach(() => caches.closeAll())

  /**
   * Reads, takes a lease, loads, fills, is told that the other has deleted it, and reads again; the same with a write of its own; the
   * same while the load is under way.
   *
   * @returns what was old of what must not be.
   */
  async function exchange(key: string, without: readonly Mechanism[] = []): Promise<string[]> {
    const wrong: string[] = []
    const cache = caches.open(proxy, {
      redis: { responseTimeout: '500ms', maxStale: '1m' },
      without,
    })
    let version = 1
    const load = (): number => version
    const look = async (what: string, read: Promise<number | undefined>): Promise<void> => {
      const expected = version
      const value = await read
      if (value !== undefined && value < expected) wrong.push(`${what}: ${value} for ${expected}`)
    }
    await cache.getOrLoad(key, load)
    version = 2
    await other.delete(key)
    await look('after a delete', cache.getOrLoad(key, load, { fresh: 'barrier' }))

    await cache.set(key, 2).catch(() => undefined) // then it is unknown, which is not the point here
    version = 3
    await other.set(key, 3)
    await look('after a set', cache.get(key, { fresh: 'barrier' }))

    const held = cache.getOrLoad(
      `${key}-held`,
      async () => {
        const seen = version
        version = 4
        await other.delete(`${key}-held`)
        return seen
      },
      { fresh: 'barrier' },
    )
    await held
    await look('after a load', cache.getOrLoad(`${key}-held`, load, { fresh: 'barrier' }))

    // Now all is well again: plain reads, of what is in memory by now.
    await until('it is connected again', async () => {
      const { context } = await cache.get.withContext('nothing')
      return context.failures.length === 0
    })
    await cache.getOrLoad(key, load)
    version = 5
    await other.delete(key)
    await look('at rest', cache.getOrLoad(key, load, { fresh: 'barrier' }))
    await look('plainly', cache.getOrLoad(key, load))
    await look(
      'plainly, held',
      cache.getOrLoad(`${key}-held`, () => 5, { fresh: 'barrier' }).then((value) => value + 1),
    )
    await caches.close(cache)
    return wrong
  }

  it(`whichever byte is the last: the connection is cut after every ${STEP === 1 ? '' : `${STEP}th `}byte from the server, and nothing old is read`, async () => {
    const before = proxy.bytes
    expect(await exchange('whole')).toEqual([])
    const length = proxy.bytes - before
    expect(length).toBeGreaterThan(500)
    const wrong: string[] = []
    for (let bytes = 1; bytes <= length; bytes += STEP) {
      proxy.cutNextAfter(bytes)
      for (const what of await exchange(`k${bytes}`)) wrong.push(`cut after ${bytes}: ${what}`)
    }
    expect(wrong).toEqual([])
    // The cuts were made.
    expect(proxy.connections).toBeGreaterThan(1.5 * (length / STEP))
  }, 3_600_000)

  it('is noticed here when nobody asks whether everything has been told', async () => {
    expect(await exchange('unfenced', ['fence'])).not.toEqual([])
  })
})
