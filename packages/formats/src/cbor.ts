import { types } from 'node:util'
import type { Format } from '@hitbox/core'
import { Encoder, Tag } from 'cbor-x'
import { assertOwnCbor } from './cbor-scan.ts'
import { decoding, encodeFailed } from './failure.ts'
import { flatten } from './graph/flatten.ts'
import { restore } from './graph/restore.ts'
import { isUtf8Safe } from './text.ts'
import { hasNoExtras, isTree } from './tree.ts'

const ID = 'cbor'

/** Tag before a graph. Not assigned by IANA; stored, so never changed. */
const GRAPH_TAG = 0x6862
const GRAPH_HEAD = [0xd9, GRAPH_TAG >> 8, GRAPH_TAG & 0xff] as const

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
  let encoding = false

  const encode = (value: unknown): Uint8Array => {
    const content = isPlain(value) ? value : new Tag(flatten(value, ID), GRAPH_TAG)
    // The encoder's state is one per process: an accessor or a proxy in the value must not come back here.
    if (encoding) throw encodeFailed(ID, '$', 'a value while it encodes another')
    encoding = true
    try {
      // A view on a buffer that goes on to be written to and shared.
      return copyOf(codec.encode(content))
    } catch (cause) {
      throw encodeFailed(ID, '$', 'what throws when it is read', cause)
    } finally {
      encoding = false
    }
  }

  const decode = (bytes: Uint8Array): unknown => {
    assertOwnCbor(bytes, GRAPH_TAG)
    const isGraph = GRAPH_HEAD.every((byte, at) => bytes[at] === byte)
    const from = isGraph ? GRAPH_HEAD.length : 0
    // A view of our own: the decoder adds a property to it, and gives back binary data of its class.
    const source = Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.length - from)
    const content: unknown = codec.decode(source)
    return isGraph ? restore(content) : content
  }

  return Object.freeze({
    id: ID,
    encode,
    decode: (bytes: Uint8Array): unknown => decoding(ID, () => decode(bytes)),
  })
}

function isPlain(value: unknown): boolean {
  try {
    return isTree(value, isLeaf)
  } catch {
    return false // an accessor or a proxy threw; flattening tells where
  }
}

/** What cbor-x gives back equal by itself. */
function isLeaf(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Date.prototype) {
    // Dates are written as seconds: far from now, milliseconds would be rounded.
    return types.isDate(value) && !(Math.abs(value.getTime()) > 2 ** 50) && hasNoExtras(value)
  }
  if (ArrayBuffer.isView(value)) return VIEWS.has(prototype)
  if (prototype === RegExp.prototype && types.isRegExp(value)) {
    return value.lastIndex === 0 && isUtf8Safe(value.source) && hasNoExtras(value)
  }
  return false
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

function copyOf(view: Uint8Array): Uint8Array {
  const copy = new Uint8Array(view.length)
  copy.set(view)
  return copy
}
