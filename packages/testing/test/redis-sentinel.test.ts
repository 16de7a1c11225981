import { startRedisSentinel } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

describe('startRedisSentinel', () => {
  it('names a primary, and another one when that dies', { timeout: 60_000 }, async () => {
    await using group = await startRedisSentinel({ name: 'orders', password: 'secret' })
    expect(group.sentinels).toHaveLength(3)
    const first = await group.primary()
    expect(first).toBe(group.nodes[0])
    expect(await first.command('SET', 'k', 'v')).toBe('OK')
    expect(await first.command('WAIT', 2, 5_000)).toBe(2)

    const replicas = group.nodes.slice(1)
    // Much at a time, so that a replica that is told of it late is behind for a while.
    for (const replica of replicas) replica.pause()
    await first.command('SET', 'much', 'x'.repeat(30_000_000))
    await first.command('SET', 'last', 'v')
    for (const replica of replicas) replica.resume()
    await group.settled()
    const last = await Promise.all(replicas.map((replica) => replica.command('GET', 'last')))
    expect(last).toEqual(['v', 'v'])

    await first.kill()
    const second = await group.primary()
    expect(second).not.toBe(first)
    expect(await second.command('GET', 'k')).toBe('v')

    await first.restart()
    await group.settled()
    expect(((await first.command('ROLE')) as string[])[0]).toBe('slave')
  })
})
