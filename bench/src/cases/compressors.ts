import * as zlib from 'node:zlib'
import { brotli, deflate, gzip, zstd } from '@hitbox/compressors'
import type { Compressor } from '@hitbox/core'
import { json } from '@hitbox/formats/json'
import { gunzipSync as portableGunzip, gzipSync as portableGzip } from 'fflate'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { documents } from '../inputs/documents.ts'
import { workLane } from '../method/work-lane.ts'
import { measureColumns } from '../report/measure-columns.ts'
import { samplesTable } from '../report/samples-table.ts'

/** Ours, and the library underneath with the same settings. */
interface CompressorPair {
  readonly name: string
  readonly ours: Compressor
  readonly bare: string
  readonly compress: (bytes: Uint8Array) => Uint8Array
  readonly decompress: (bytes: Uint8Array) => Uint8Array
}

const MOST_BYTES = 2 ** 24
/** Smaller ones are not compressed: they would grow. */
const inputs = documents.slice(1).map(({ title, value }) => ({ title, bytes: json.encode(value) }))

export const compressors: BenchCase = {
  name: 'compressors',
  title: 'Compressing JSON, beside the library underneath',
  contenders: ['@hitbox/compressors'],
  run: async (options) => {
    const tables: Table[] = []
    for (const pair of pairs()) tables.push(await beside(pair, options))
    tables.push(await sizes())
    return tables
  },
}

function pairs(): readonly CompressorPair[] {
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_SIZE_HINT: hint } = zlib.constants
  const squeeze = (bytes: Uint8Array) =>
    zlib.brotliCompressSync(bytes, { params: { [quality]: 1, [hint]: bytes.length } })
  return [
    {
      name: 'gzip 6',
      ours: gzip({ level: 6 }),
      bare: 'node:zlib',
      compress: (bytes) => zlib.gzipSync(bytes, { level: 6 }),
      decompress: zlib.gunzipSync,
    },
    {
      name: 'gzip 6, portable',
      ours: gzip({ level: 6, implementation: 'portable' }),
      bare: 'fflate',
      compress: (bytes) => portableGzip(bytes, { level: 6 }),
      decompress: portableGunzip,
    },
    {
      name: 'deflate 6',
      ours: deflate({ level: 6 }),
      bare: 'node:zlib',
      compress: (bytes) => zlib.deflateRawSync(bytes, { level: 6 }),
      decompress: zlib.inflateRawSync,
    },
    {
      name: 'brotli 1',
      ours: brotli({ quality: 1 }),
      bare: 'node:zlib',
      compress: squeeze,
      decompress: zlib.brotliDecompressSync,
    },
    ...zstdPair(),
  ]
}

/** What newer ones than the types are of have. */
interface Newer {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array
  readonly zstdDecompressSync?: (bytes: Uint8Array) => Uint8Array
}

/** Where Node.js has it. */
function zstdPair(): readonly CompressorPair[] {
  const { zstdCompressSync: compress, zstdDecompressSync: decompress } = zlib as Newer
  if (compress === undefined || decompress === undefined) return []
  return [
    {
      name: 'zstd 3',
      ours: zstd({ level: 3 }),
      bare: 'node:zlib',
      compress: (bytes) => compress(bytes),
      decompress: (bytes) => decompress(bytes),
    },
  ]
}

async function beside(pair: CompressorPair, options: BenchOptions): Promise<Table> {
  const { name, ours, bare, compress, decompress } = pair
  const ourName = `@hitbox/compressors ${name}`
  const milliseconds = options.quick ? 8 : 25
  const columns = []
  for (const { title, bytes } of inputs) {
    const bareBytes = compress(bytes)
    const packed = (await ours.compress(bytes)) ?? bytes
    columns.push(
      {
        title: `${title}, compress`,
        lanes: [
          workLane(bare, milliseconds, () => compress(bytes)),
          workLane(ourName, milliseconds, () => ours.compress(bytes)),
        ],
      },
      {
        title: 'decompress',
        lanes: [
          workLane(bare, milliseconds, () => decompress(bareBytes)),
          workLane(ourName, milliseconds, () => ours.decompress(packed, MOST_BYTES)),
        ],
      },
    )
  }
  const measured = await measureColumns(`compressors, ${name}`, columns, options)
  return samplesTable({
    title: `Compressor ${name}`,
    unit: 'us',
    base: bare,
    rows: [bare, ourName],
    columns: measured.columns,
    notes: [
      'CPU time, that of the thread pool included: ours goes there with large values, to leave the event loop alone; the library beside it works at once.',
      ...measured.notes,
    ],
  })
}

async function sizes(): Promise<Table> {
  const columns = []
  for (const { title, bytes } of inputs) {
    const samples = new Map([['JSON', [bytes.length]]])
    for (const { name, ours } of pairs()) {
      samples.set(name, [(await ours.compress(bytes))?.length ?? bytes.length])
    }
    columns.push({ title, samples })
  }
  return samplesTable({
    title: 'Size of what is compressed',
    unit: 'bytes',
    base: 'JSON',
    rows: ['JSON', ...pairs().map(({ name }) => name)],
    columns,
  })
}
