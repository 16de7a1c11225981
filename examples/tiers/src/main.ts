// Three tiers, each with a format, compressor and label of its own, stacked with policies of their own.
// Prints where each answer came from. Uses the Redis of REDIS_URL, or starts one for itself.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compose } from '@hitbox/composition'
import { brotli, gzip, threshold } from '@hitbox/compressors'
import { type CacheBackend, cacheValue, createContext, type KeyInput } from '@hitbox/core'
import { cbor, json } from '@hitbox/formats'
import { lmdbBackend } from '@hitbox/lmdb'
import { memoryBackend } from '@hitbox/memory'
import { redisBackend, single } from '@hitbox/redis'
import { startRedis } from '@hitbox/testing'

const server = process.env['REDIS_URL'] === undefined ? await startRedis() : undefined
const url = process.env['REDIS_URL'] ?? server?.url ?? ''
const folder = mkdtempSync(join(tmpdir(), 'hitbox-tiers-'))

const memory = memoryBackend({ maxEntries: 100 })
const disk = lmdbBackend({
  path: folder,
  label: 'disk',
  valueFormat: json,
  compressor: threshold(gzip(), { minBytes: 256 }),
})
const shared = redisBackend({
  connection: single(url),
  label: 'shared',
  valueFormat: cbor,
  compressor: brotli(),
  responseTimeout: '500ms',
})

// What this machine has, as one tier: its own memory over its own disk, asked in this order, written both at once.
const local = compose(memory, disk, {
  label: 'local',
  write: 'optimisticParallel',
  maxTtl: ['10s', '1h'],
})
// Over what all machines share: written first, so that no machine keeps what the others could not get.
const tiers = compose(local, shared, { read: 'sequential', write: 'through', refill: 'always' })

const key: KeyInput = ['article', 42]
const article = {
  title: 'On tiers',
  body: 'All problems are solved by one more level. '.repeat(50),
}

async function show(what: string): Promise<void> {
  const context = createContext()
  const found = await tiers.get(key, { context })
  const answer = found === undefined ? `nothing (${context.missReason})` : context.source
  const copied = context.refilled ? ', copied into the tiers above it' : ''
  console.log(`${what.padEnd(44)} ${answer}${copied}`)
}

try {
  await show('before anything was written')
  await tiers.set(key, cacheValue(article, { ttl: '10m', staleAfter: '5m' }))
  await show('after a write')
  memory.delete(key)
  await show('after memory dropped it')
  await show('and again')
  memory.delete(key)
  await disk.delete(key)
  await show('after this machine lost all')
  await show('and again')
  const { status, count } = await tiers.delete(key)
  console.log(`${'a delete through all tiers'.padEnd(44)} ${status}, ${count} copies`)
  await show('after the delete')
  console.log(
    '\ncounted:',
    Object.fromEntries(inOrder().map((tier) => [tier.label, tier.stats().hits])),
  )
} finally {
  await tiers.close()
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
}

function inOrder(): readonly CacheBackend[] {
  return [memory, disk, shared]
}
