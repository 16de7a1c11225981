/* oxlint-disable no-console, no-restricted-globals, no-restricted-properties -- a script, not part of the package */
// Ratio and time of each compressor by size, at once and on the thread pool: `pnpm build && node packages/compressors/bench/compressors.mjs`.
// These figures chose the defaults and the limits of what is done at once. The last ones are in the README.
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import { brotli, deflate, gzip, zstd } from '@hitbox/compressors'

const COMPRESSORS = {
  'gzip 1': gzip({ level: 1 }),
  'gzip 6': gzip(),
  'gzip 6 portable': gzip({ implementation: 'portable' }),
  'deflate 6': deflate(),
  'deflate 6 portable': deflate({ implementation: 'portable' }),
  ...Object.fromEntries(
    [1, 3, 4, 5, 6].map((quality) => [`brotli ${quality}`, brotli({ quality })]),
  ),
  ...('zstdCompressSync' in zlib
    ? Object.fromEntries(
        [1, 3, 6, 9, 12, 19, 22].map((level) => [`zstd ${level}`, zstd({ level })]),
      )
    : {}),
}

for (const length of [500, 4_096, 16_384, 65_536, 262_144]) {
  const bytes = records(length)
  for (const [name, compressor] of Object.entries(COMPRESSORS)) {
    const packed = await compressor.compress(bytes)
    const compressing = await best(() => compressor.compress(bytes))
    const decompressing = await best(() => compressor.decompress(packed, length))
    const ratio = (packed.length / length).toFixed(3)
    console.log(`${length} B, ${name}: ${ratio}, ${compressing} us in, ${decompressing} us out`)
  }
}
const pool = promisify(zlib.gzip)
console.log(`the thread pool and back: ${await best(() => pool(new Uint8Array(1)))} us`)

function records(length) {
  const words = Array.from({ length: 300 }, (_, id) =>
    Math.imul(id + 7, 2_654_435_761).toString(36),
  )
  let text = '['
  for (let id = 0; text.length < length; id += 1) {
    const name = `${words[(id * 7) % 300]} ${words[(id * 13) % 300]}`
    text += `${JSON.stringify({ id, name, email: `${words[id % 300]}@example.org`, score: ((id * 37) % 1_000) / 8 })},`
  }
  return new TextEncoder().encode(text).subarray(0, length)
}

async function best(work) {
  let shortest = Number.POSITIVE_INFINITY
  const end = performance.now() + 150
  for (let round = 0; round < 5 || performance.now() < end; round += 1) {
    const started = performance.now()
    await work()
    shortest = Math.min(shortest, performance.now() - started)
  }
  return Math.round(shortest * 1_000)
}
