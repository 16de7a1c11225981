import { faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import type { Cache } from 'hitbox'
import { afterEach, describe, expect, it } from 'vitest'
import { Caches } from './support/caches.ts'

type Policy = 'strict' | 'serve-stale' | 'ignore'

const OLD = 1
const NEW = 2

/** What two processes find of a key whose deletion was acknowledged, and then forgotten by the server. */
interface Found {
  readonly before: Cache<number>
  readonly newcomer: Cache<number>
}

describe('G6 a server that has lost what it acknowledged', () => {
  const caches = new Caches()
  const stops: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    await caches.closeAll()
    for (const stop of stops.splice(0)) await stop()
  })

  async function started(): Promise<RedisServer> {
    const server = await startRedis()
    stops.push(() => server.stop())
    return server
  }

  /** Both processes have a copy, and one deletes it. */
  async function used(url: string, epoch: Policy, forget: () => Promise<void>): Promise<Found> {
    const setup = { redis: { epoch, maxStale: '300ms' } } as const
    const before = caches.open(url, setup)
    const other = caches.open(url, setup)
    await before.set('k', OLD)
    expect(await other.get('k')).toBe(OLD)
    await forget()
    await other.delete('k')
    expect(await before.get('k', { fresh: 'barrier' })).toBeUndefined()
    return { before, newcomer: caches.open(url, setup) }
  }

  /** The server comes back with a snapshot from before the deletion. */
  async function restarted(epoch: Policy): Promise<Found> {
    const server = await started()
    const found = await used(server.url, epoch, async () => {
      await server.command('SAVE')
    })
    await server.kill()
    await server.restart()
    expect(await server.command('DBSIZE')).toBeGreaterThan(0)
    return found
  }

  /** A replica takes over that the deletion has not reached. */
  async function promoted(epoch: Policy): Promise<Found> {
    const [primary, replica] = await Promise.all([started(), started()])
    const stream = await faultProxy(primary)
    const front = await faultProxy(primary)
    stops.push(
      () => stream.close(),
      () => front.close(),
    )
    await replica.command('REPLICAOF', stream.host, stream.port)
    await until('the replica is in step', async () =>
      String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
    )
    const found = await used(`redis://${front.host}:${front.port}`, epoch, async () => {
      await until(
        'the replica has a copy',
        async () => (await replica.command('DBSIZE')) === (await primary.command('DBSIZE')),
      )
      await stream.set({ stall: 'to-client' })
    })
    await primary.kill()
    await replica.command('REPLICAOF', 'NO', 'ONE')
    front.retarget(replica)
    expect(await replica.command('DBSIZE')).toBeGreaterThan(0)
    return found
  }

  describe.each([
    ['comes back from an old snapshot', restarted],
    ['is followed by a replica that lagged behind', promoted],
  ] as const)('and %s', (_, lose) => {
    it("'strict': what was deleted stays deleted, for who knew the server and for who did not", async () => {
      const { before, newcomer } = await lose('strict')
      for (const cache of [newcomer, before]) {
        await answers(cache)
        expect(await cache.get('k')).toBeUndefined()
        expect(await cache.get('k', { fresh: 'barrier' })).toBeUndefined()
        expect(await cache.getMany(['k'])).toEqual([undefined])
      }
      expect(await newcomer.getOrLoad('k', () => NEW)).toBe(NEW)
      expect(await before.getOrLoad('k', () => NEW)).toBe(NEW)
    })

    it("'serve-stale': what comes back is served as stale, and made anew", async () => {
      const { before, newcomer } = await lose('serve-stale')
      await answers(newcomer)
      await answers(before)
      const { value, context } = await newcomer.get.withContext('k')
      expect([value, context.status]).toEqual([OLD, 'stale'])
      const first = await newcomer.getOrLoad.withContext('k', () => NEW)
      expect([first.value, first.context.status]).toEqual([OLD, 'stale'])
      for (const cache of [newcomer, before]) {
        await until(
          'it was made anew',
          async () => (await cache.getOrLoad('k', () => NEW, { fresh: 'barrier' })) === NEW,
        )
        const again = await cache.get.withContext('k')
        expect([again.value, again.context.status]).toEqual([NEW, 'hit'])
      }
    })

    it("'ignore': what was deleted comes back, as documented", async () => {
      const { before, newcomer } = await lose('ignore')
      for (const cache of [newcomer, before]) {
        await answers(cache)
        const { value, context } = await cache.get.withContext('k')
        expect([value, context.status]).toEqual([OLD, 'hit'])
      }
    })
  })
})

/** The first calls after a loss may still meet the connection that was lost. */
async function answers(cache: Cache<number>): Promise<void> {
  await until('the server answers again', async () => {
    const { context } = await cache.get.withContext('nothing')
    return context.failures.length === 0
  })
}
