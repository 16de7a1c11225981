import { types } from 'node:util'
import type { Format } from '@hitbox/core'
import { Encoder, Tag } from 'cbor-x'
import { assertOwnCbor } from './cbor-scan.ts'
import { TreeWriter } from './cbor-tree.ts'
import { NO_TREE, TreeReader } from './cbor-tree-reader.ts'
import { decoding } from './failure.ts'
import { flatten } from './graph/flatten.ts'
import { restore } from './graph/restore.ts'
import { sharedEncoder } from './shared-encoder.ts'
import { isUtf8Safe } from './text.ts'
import { type CodecReach, hasNoExtras, isTree } from './tree.ts'

const ID = 'cbor'

/** Tag before a graph. Not assigned by IANA; stored, so never changed. */
const GRAPH_TAG = 0x6862

/**
 * CBOR (RFC 8949) by cbor-x: the compact default of tiers that hold bytes. Keeps everything that is data: dates, maps, sets,
 * big integers, `undefined`, binary data, errors, shared objects and cycles. Objects are written as records, with their keys once per message.
 *
 * Code and objects of your own classes are refused with `ENCODE_FAILED`.
 */
export const cbor: Format = /* @__PURE__ */ createCbor()

function createCbor(): Format {
  // Without shared structures: each message describes itself.
  const codec = new Encoder({ useRecords: true, tagUint8Array: true, copyBuffers: true })
  const trees = new TreeWriter()
  const reader = new TreeReader()
  const { tryWrite, write } = sharedEncoder(ID, (content) => codec.encode(content))

  const decode = (bytes: Uint8Array): unknown => {
    const tree = reader.read(Buffer.isBuffer(bytes) ? bytes : bufferOf(bytes))
    if (tree !== NO_TREE) return tree
    assertOwnCbor(bytes, GRAPH_TAG)
    const isGraph =
      bytes[0] === 0xd9 && bytes[1] === GRAPH_TAG >> 8 && bytes[2] === (GRAPH_TAG & 0xff)
    const from = isGraph ? 3 : 0
    // A view of our own: the decoder adds a property to it, and gives back binary data of its class.
    const content: unknown = codec.decode(bufferOf(bytes, from))
    return isGraph ? restore(content) : content
  }

  return Object.freeze({
    id: ID,
    encode: (value: unknown): Uint8Array =>
      trees.write(value) ??
      (isTree(value, REACH) ? tryWrite(value) : undefined) ??
      write(new Tag(flatten(value, ID), GRAPH_TAG)),
    decode: (bytes: Uint8Array): unknown => decoding(ID, () => decode(bytes)),
  })
}

function bufferOf(bytes: Uint8Array, from = 0): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.length - from)
}

const REACH: CodecReach = {
  collections: true,
  isLeaf(value) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Date.prototype) {
      // Dates are written as seconds: far from now, milliseconds would be rounded.
      return types.isDate(value) && !(Math.abs(value.getTime()) > 2 ** 50) && hasNoExtras(value)
    }
    if (ArrayBuffer.isView(value)) return VIEWS.has(prototype)
    if (prototype !== RegExp.prototype || !types.isRegExp(value)) return false
    return value.lastIndex === 0 && isUtf8Safe(value.source) && hasNoExtras(value)
  },
}

const VIEWS: ReadonlySet<unknown> = new Set(
  [
    Buffer,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((view): unknown => view.prototype),
)
