import { startRedisCluster } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'

describe('startRedisCluster', () => {
  it('is whole, replicates, and survives the death of a primary', { timeout: 60_000 }, async () => {
    await using cluster = await startRedisCluster()
    expect(cluster.nodes).toHaveLength(6)
    for (const node of cluster.nodes) {
      expect(await node.command('CLUSTER', 'INFO')).toContain('cluster_state:ok')
    }
    const owner = await cluster.ownerOf('some key')
    expect(cluster.nodes.indexOf(owner)).toBeLessThan(3)
    expect(await owner.command('SET', 'some key', 'v')).toBe('OK')
    expect(await owner.command('WAIT', 1, 5_000)).toBe(1)
    const other = cluster.nodes.slice(0, 3).find((node) => node !== owner)
    await expect(other?.command('GET', 'some key')).rejects.toThrow(/MOVED/)

    const replicas = cluster.nodes.slice(3)
    // Much at a time, so that a replica that is told of it late is behind for a while.
    for (const replica of replicas) replica.pause()
    await owner.command('SET', '{some key}:much', 'x'.repeat(30_000_000))
    await owner.command('SET', '{some key}:last', 'v')
    for (const replica of replicas) replica.resume()
    await cluster.settled()
    await owner.kill()
    await cluster.settled()
    const heir = await cluster.ownerOf('some key')
    expect(cluster.nodes.indexOf(heir)).toBeGreaterThanOrEqual(3)
    expect(await heir.command('GET', 'some key')).toBe('v')
    expect(await heir.command('GET', '{some key}:last')).toBe('v')

    await owner.restart()
    await cluster.settled()
    expect(((await owner.command('ROLE')) as string[])[0]).toBe('slave')
  })

  it('can be as small as two nodes without replicas', async () => {
    await using cluster = await startRedisCluster({ primaries: 2, replicas: 0 })
    const [first, second] = cluster.nodes
    const owners = await Promise.all(['a', 'b', 'c', 'd'].map((key) => cluster.ownerOf(key)))
    expect(new Set(owners)).toEqual(new Set([first, second]))
  })
})
