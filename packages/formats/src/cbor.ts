import { type Format } from '@hitbox/core'
import { Encoder } from 'cbor-x'

const codec = /* @__PURE__ */ new Encoder({
  useRecords: true,
  structuredClone: true,
  tagUint8Array: true,
  copyBuffers: true,
})

/** CBOR (RFC 8949) by cbor-x: compact, fast, keeps dates, maps, sets, big integers, `undefined` and binary data. */
export const cbor: Format = Object.freeze({
  id: 'cbor',
  // cbor-x hands out views on one buffer that it goes on to write to.
  encode: (value: unknown): Uint8Array => Uint8Array.prototype.slice.call(codec.encode(value)),
  decode: (bytes: Uint8Array): unknown =>
    codec.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
})
