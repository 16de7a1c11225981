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

    await owner.kill()
    await cluster.settled()
    const heir = await cluster.ownerOf('some key')
    expect(cluster.nodes.indexOf(heir)).toBeGreaterThanOrEqual(3)
    expect(await heir.command('GET', 'some key')).toBe('v')

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
