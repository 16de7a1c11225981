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

    await first.kill()
    const second = await group.primary()
    expect(second).not.toBe(first)
    expect(await second.command('GET', 'k')).toBe('v')

    await first.restart()
    await group.settled()
    expect(((await first.command('ROLE')) as string[])[0]).toBe('slave')
  })
})
