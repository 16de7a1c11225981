import type { FaultProxy } from '@hitbox/testing'
import { expect, it } from 'vitest'
import { CacheServer } from '../src/fleet/cache-server.ts'
import { talk } from './support/talk.ts'

it('keeps a snapshot, though the server is saving in the background already', async () => {
  const cache = await CacheServer.start(1, false)
  try {
    const [way] = cache.proxies as readonly [FaultProxy]
    const slow = 'CONFIG SET rdb-key-save-delay 100000\r\nMSET a 1 b 1 c 1\r\nBGSAVE\r\n'
    await talk(way, slow, 'Background saving started')
    await cache.takeSnapshot()
    expect(await talk(way, 'DEL a\r\n', '\r\n')).toBe(':1\r\n')
    await cache.kill()
    await cache.restartFromSnapshot()
    expect(await talk(way, 'DBSIZE\r\n', '\r\n')).toBe(':3\r\n')
  } finally {
    await cache.stop()
  }
}, 30_000)
