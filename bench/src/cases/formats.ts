import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { type CodecPair, codecPairs } from '../inputs/codecs.ts'
import { documents } from '../inputs/documents.ts'
import { workLane } from '../method/work-lane.ts'
import { measureColumns } from '../report/measure-columns.ts'
import { samplesTable } from '../report/samples-table.ts'

export const formats: BenchCase = {
  name: 'formats',
  title: 'Encoding and decoding, beside the library underneath',
  contenders: ['@hitbox/formats'],
  run: async (options) => {
    const tables: Table[] = []
    for (const pair of codecPairs()) tables.push(await beside(pair, options))
    tables.push(sizes())
    return tables
  },
}

async function beside(pair: CodecPair, options: BenchOptions): Promise<Table> {
  const { ours, bare, encode, decode } = pair
  const name = `@hitbox/formats ${ours.id}`
  const milliseconds = options.quick ? 8 : 25
  const columns = documents.flatMap(({ title, value }) => {
    const bytes = ours.encode(value)
    const bareBytes = encode(value)
    if (JSON.stringify(ours.decode(bytes)) !== JSON.stringify(decode(bareBytes))) {
      throw new Error(`${name} and ${bare} do not keep the same`)
    }
    return [
      {
        title: `${title}, encode`,
        lanes: [
          workLane(bare, milliseconds, () => encode(value)),
          workLane(name, milliseconds, () => ours.encode(value)),
        ],
      },
      {
        title: 'decode',
        lanes: [
          workLane(bare, milliseconds, () => decode(bareBytes)),
          workLane(name, milliseconds, () => ours.decode(bytes)),
        ],
      },
    ]
  })
  const measured = await measureColumns(`formats, ${ours.id}`, columns, options)
  return samplesTable({
    title: `Format ${ours.id}`,
    unit: 'us',
    base: bare,
    rows: [bare, name],
    columns: measured.columns,
    notes: ['CPU time. Ours checks what it can keep before it encodes.', ...measured.notes],
  })
}

function sizes(): Table {
  const pairs = codecPairs()
  return samplesTable({
    title: 'Size of what is encoded',
    unit: 'bytes',
    base: '@hitbox/formats json',
    rows: pairs.map(({ ours }) => `@hitbox/formats ${ours.id}`),
    columns: documents.map(({ title, value }) => ({
      title,
      samples: new Map(
        pairs.map(({ ours }) => [`@hitbox/formats ${ours.id}`, [ours.encode(value).length]]),
      ),
    })),
  })
}
