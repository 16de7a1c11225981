import { deserialize, serialize } from 'node:v8'
import {
  type Backend,
  type CacheBackend,
  cacheValue,
  type Compressor,
  deleteStatus,
  liftBackend,
  urlEncoded,
} from '@hitbox/core'
import { brotli, gzip, threshold } from '@hitbox/compressors'
import { describe, expect, it } from 'vitest'

/** Two tiers over one store, as two services that are configured differently have them. */
function tiersOver(
  entries: Map<string, Uint8Array>,
  compressor: Compressor,
  acceptCompressors: readonly Compressor[] = [],
): CacheBackend {
  const store: Backend = {
    label: 'map',
    keyFormat: urlEncoded,
    valueFormat: { id: 'v8', encode: serialize, decode: deserialize },
    compressor,
    storeTime: () => 0,
    read: (key) => {
      const bytes = entries.get(key)
      return bytes === undefined ? undefined : { bytes }
    },
    write: (key, { bytes }) => void entries.set(key, bytes),
    remove: (key) => deleteStatus(entries.delete(key) ? 1 : 0),
  }
  return liftBackend(store, { acceptCompressors })
}

const values: readonly string[] = ['short', 'long '.repeat(1_000), 'very long '.repeat(100_000)]

describe('compressors under a backend', () => {
  it('read what the same compressor wrote with and without a threshold', async () => {
    const entries = new Map<string, Uint8Array>()
    const plain = tiersOver(entries, gzip())
    const guarded = tiersOver(entries, threshold(gzip({ implementation: 'portable' })))
    for (const [writer, reader] of [
      [plain, guarded],
      [guarded, plain],
    ] as const) {
      for (const value of values) {
        await writer.set('key', cacheValue(value, { ttl: '1m' }))
        expect((await reader.get('key'))?.data).toBe(value)
      }
    }
  })

  it('are told apart by the envelope', async () => {
    const entries = new Map<string, Uint8Array>()
    await tiersOver(entries, gzip()).set('key', cacheValue('value', { ttl: '1m' }))
    const stranger = tiersOver(entries, brotli())
    expect(await stranger.get('key')).toBeUndefined()
    const accepting = tiersOver(entries, brotli(), [gzip()])
    expect((await accepting.get('key'))?.data).toBe('value')
  })
})
