import { deserialize, serialize } from 'node:v8'
import type { Format } from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { json } from '@hitbox/formats/json'
import { msgpack } from '@hitbox/formats/msgpack'
import { v8 } from '@hitbox/formats/v8'
import { Encoder } from 'cbor-x'
import { Packr } from 'msgpackr'

/** One of our formats, and the library under it with the options that it uses. */
export interface CodecPair {
  readonly ours: Format
  readonly bare: string
  readonly encode: (value: unknown) => Uint8Array
  readonly decode: (bytes: Uint8Array) => unknown
}

export function codecPairs(): readonly CodecPair[] {
  const bareCbor = new Encoder({ copyBuffers: true })
  const bareMsgpack = new Packr({ useRecords: false, variableMapSize: true, moreTypes: true })
  const utf8 = new TextEncoder()
  const text = new TextDecoder()
  return [
    {
      ours: cbor,
      bare: 'cbor-x',
      encode: (value) => bareCbor.encode(value),
      decode: (bytes) => bareCbor.decode(bytes),
    },
    {
      ours: msgpack,
      bare: 'msgpackr',
      encode: (value) => bareMsgpack.pack(value),
      decode: (bytes) => bareMsgpack.unpack(bytes),
    },
    { ours: v8, bare: 'node:v8', encode: serialize, decode: deserialize },
    {
      ours: json,
      bare: 'JSON',
      encode: (value) => utf8.encode(JSON.stringify(value)),
      decode: (bytes) => JSON.parse(text.decode(bytes)) as unknown,
    },
  ]
}
