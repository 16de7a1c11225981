import { envelopeId } from '@hitbox/core'
import { type RedisServer, startRedis, startRedisSentinel, until } from '@hitbox/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { type RedisBackendOptions, sentinel, single } from '../src/index.ts'
import type { RedisStore } from '../src/store.ts'
import { dataOf, entry, feedOf, leasesOf, listening, Stores } from './stores.ts'
import { codeOf } from './support.ts'

const stores = new Stores()
afterEach(() => stores.closeAll())

const open = (server: RedisServer, options: Partial<RedisBackendOptions> = {}): RedisStore =>
  stores.open({ connection: single(server.url), responseTimeout: '2s', retries: 10, ...options })

/** Saves what the server has, lets it take something more, and has it lose that. */
async function loseWhat(server: RedisServer, change: () => unknown): Promise<void> {
  await server.command('SAVE')
  await change()
  await server.kill()
  await server.restart()
}

describe('entries of a server that lost its memory', () => {
  it('are not vouched for, as the policy says, in all reads', async () => {
    await using server = await startRedis()
    const policies = ['strict', 'serve-stale', 'ignore'] as const
    const [strict, stale, ignoring] = policies.map((epoch) => open(server, { epoch })) as [
      RedisStore,
      RedisStore,
      RedisStore,
    ]
    await strict.write('k', entry('k', 'old'))
    expect((await strict.read('k'))?.trust).toBeUndefined()
    await loseWhat(server, () => strict.remove('k'))
    expect((await strict.read('k'))?.trust).toBe('none')
    expect((await stale.read('k'))?.trust).toBe('stale')
    expect((await ignoring.read('k'))?.trust).toBeUndefined()
    const many = await strict.readMany(['k', 'nothing'])
    expect(many.map((result) => result.ok && result.value?.trust)).toEqual(['none', undefined])
    await strict.write('k', entry('k', 'new'))
    expect((await strict.read('k'))?.trust).toBeUndefined()
    expect(dataOf('k', await stale.read('k'))).toBe('new')
  })

  it('give way to a lease, unless they are served', async () => {
    await using server = await startRedis()
    const stale = open(server, { epoch: 'serve-stale' })
    const strict = open(server)
    await strict.write('k', entry('k', 'old'))
    await loseWhat(server, () => undefined)
    const found = await leasesOf(stale).take('k', 'nothing')
    expect(found.is === 'found' && found.read.trust).toBe('stale')
    // It goes on being served, as what it is, while somebody makes it anew.
    const id = envelopeId((await stale.read('k'))?.bytes ?? new Uint8Array())
    const other = await leasesOf(stale).take('k', id ?? 0)
    expect(other.is).toBe('granted')
    expect((await stale.read('k'))?.trust).toBe('stale')
    const answer = await leasesOf(strict).take('k', 'nothing')
    expect(answer.is).toBe('granted')
    expect(dataOf('k', await strict.read('k'))).toBe('!leased')
  })

  it('take the leases with them', async () => {
    await using server = await startRedis()
    const store = open(server, { leaseTime: '1h' })
    const leases = leasesOf(store)
    const taken = await leases.take('k', 'nothing')
    if (taken.is !== 'granted') throw new Error('it is not granted')
    await loseWhat(server, () => undefined)
    // The token is back from the snapshot, and the removal of it may be what was lost.
    expect(await server.command('EXISTS', 'k')).toBe(1)
    await store.read('k')
    expect(await leases.fill('k', taken.lease, entry('k', 'late'))).toBe(false)
    expect((await leases.take('k', 'nothing')).is).toBe('granted')
  })

  it('are all there is when a replica took over', async () => {
    await using group = await startRedisSentinel()
    const nodes = group.sentinels.map(({ host, port }) => ({ host, port }))
    const options = { connection: sentinel(group.name, nodes), maxStale: '100ms' } as const
    const here = stores.open({ ...options, responseTimeout: '500ms' })
    const heard = await listening(here)
    await here.write('k', entry('k', 'old'))
    await group.settled()
    await (await group.primary()).kill()
    await group.primary()
    await until(
      'it is connected again',
      async () => (await codeOf(() => here.read('x'))) === undefined,
    )
    expect(heard.told).toContain('*')
    expect((await here.read('k'))?.trust).toBe('none')
    await feedOf(here).barrier()
  }, 60_000)

  it('are vouched for where the server does not say who it is', async () => {
    await using server = await startRedis({
      aclUsers: [{ name: 'app', password: 'x', rules: '~* &* +@all -info' }],
    })
    const mute = open(server, { username: 'app', password: 'x' })
    await mute.write('k', entry('k', 'v'))
    expect((await mute.read('k'))?.trust).toBeUndefined()
    // To who knows, nobody vouches for it.
    expect((await open(server).read('k'))?.trust).toBe('none')
    const heard = await listening(mute)
    expect(feedOf(mute).mode).toBe('tracking')
    await feedOf(mute).barrier()
    expect(heard.told).toEqual(['*'])
    expect(feedOf(mute).stamp()).toBe('h1')
  })
})
