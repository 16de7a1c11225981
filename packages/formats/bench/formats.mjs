/* oxlint-disable no-console, no-restricted-globals, no-restricted-properties -- a script, not part of the package */
// Sizes and times of each format, beside the bare codec under it: `pnpm build && node packages/formats/bench/formats.mjs`.
// Medians over interleaved rounds, so that a busy machine disturbs all alike. The last figures are in the README.
import { deserialize, serialize } from 'node:v8'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { Encoder } from 'cbor-x'
import { Packr } from 'msgpackr'

const record = (id) => ({
  id,
  name: `user ${id}`,
  email: `user${id}@example.org`,
  score: id * 1.25,
  active: id % 2 === 0,
  country: 'de',
  createdAt: new Date(1.7e12 + id * 1_000),
})
const tree = (depth) =>
  depth === 0
    ? { leaf: true, value: depth, text: 'some text here', list: [1, 2, 3, 4] }
    : {
        name: `node of depth ${depth}`,
        children: Array.from({ length: 5 }, () => tree(depth - 1)),
        meta: { a: 1, b: 'two', c: null, d: [true, false] },
      }

const VALUES = {
  'one object': { ...record(42), tags: ['a', 'b'], address: { city: 'London', zip: 'N1' } },
  '100 records': Array.from({ length: 100 }, (_, id) => record(id)),
  'tree of 50 KB': tree(4),
}

const bareCbor = new Encoder({ copyBuffers: true })
const bareMsgpack = new Packr({ useRecords: false, variableMapSize: true, moreTypes: true })
const utf8 = new TextEncoder()
const text = new TextDecoder()
const PAIRS = [
  [cbor, (value) => bareCbor.encode(value), (bytes) => bareCbor.decode(bytes)],
  [msgpack, (value) => bareMsgpack.pack(value), (bytes) => bareMsgpack.unpack(bytes)],
  [v8, serialize, deserialize],
  [json, (value) => utf8.encode(JSON.stringify(value)), (bytes) => JSON.parse(text.decode(bytes))],
]

for (const [name, original] of Object.entries(VALUES)) {
  for (const [format, bareEncode, bareDecode] of PAIRS) {
    const value = format === json ? JSON.parse(JSON.stringify(original)) : original
    const bytes = format.encode(value)
    const bareBytes = Buffer.from(bareEncode(value))
    const [encode, bareEncoding, decode, bareDecoding] = medians([
      () => format.encode(value),
      () => bareEncode(value),
      () => format.decode(bytes),
      () => bareDecode(bareBytes),
    ])
    console.log(
      `${name} as ${format.id}: ${bytes.length} bytes,`,
      `encode ${encode.toFixed(1)} us (${(encode / bareEncoding).toFixed(2)} x bare),`,
      `decode ${decode.toFixed(1)} us (${(decode / bareDecoding).toFixed(2)} x bare)`,
    )
  }
}

function medians(works) {
  const rounds = works.map(() => [])
  for (let round = 0; round < 25; round += 1) {
    works.forEach((work, at) => rounds[at].push(microseconds(work)))
  }
  return rounds.map((times) => times.toSorted((a, b) => a - b)[12])
}

function microseconds(work) {
  const started = performance.now()
  let count = 0
  do {
    work()
    count += 1
  } while (performance.now() - started < 12)
  return ((performance.now() - started) / count) * 1_000
}
