import { types } from 'node:util'
import type { Format } from '@hitbox/core'
import { Packr } from 'msgpackr'
import { decoding } from './failure.ts'
import { flatten } from './graph/flatten.ts'
import { restore } from './graph/restore.ts'
import { assertOwnMsgpack, GRAPH_TYPE } from './msgpack-scan.ts'
import { sharedEncoder } from './shared-encoder.ts'
import { type CodecReach, hasNoExtras, isTree } from './tree.ts'

const ID = 'msgpack'
const GRAPH_HEAD_BYTES = 6

/**
 * MessagePack by msgpackr, which you install beside this package. Keeps the same as `cbor`.
 *
 * Plain objects, arrays, texts, numbers, dates and `Buffer`s are standard MessagePack that other languages read; a value that holds
 * anything else is written as a whole in an extension type of our own.
 */
export const msgpack: Format = /* @__PURE__ */ createMsgpack()

function createMsgpack(): Format {
  // Without records and shared structures, which only msgpackr reads. `moreTypes` also keeps it from writing foreign memory.
  const codec = new Packr({
    useRecords: false,
    variableMapSize: true,
    moreTypes: true,
    copyBuffers: true,
  })
  const { tryWrite, write } = sharedEncoder(ID, (content) => codec.pack(content))

  const decode = (bytes: Uint8Array): unknown => {
    const isGraph = assertOwnMsgpack(bytes)
    const from = isGraph ? GRAPH_HEAD_BYTES : 0
    // A view of our own: the decoder adds a property to it, and gives back binary data of its class.
    const source = Buffer.from(bytes.buffer, bytes.byteOffset + from, bytes.length - from)
    const content: unknown = codec.unpack(source)
    return isGraph ? restore(content) : content
  }

  return Object.freeze({
    id: ID,
    encode: (value: unknown): Uint8Array =>
      (isTree(value, REACH) ? tryWrite(value) : undefined) ??
      withGraphHead(write(flatten(value, ID))),
    decode: (bytes: Uint8Array): unknown => decoding(ID, () => decode(bytes)),
  })
}

function withGraphHead(graph: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(GRAPH_HEAD_BYTES + graph.length)
  bytes[0] = 0xc9
  new DataView(bytes.buffer).setUint32(1, graph.length)
  bytes[GRAPH_HEAD_BYTES - 1] = GRAPH_TYPE
  bytes.set(graph, GRAPH_HEAD_BYTES)
  return bytes
}

// Not maps, which would be read as objects.
const REACH: CodecReach = {
  collections: false,
  isLeaf(value) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Buffer.prototype) return ArrayBuffer.isView(value)
    if (prototype !== Date.prototype || !types.isDate(value)) return false
    return !Number.isNaN(value.getTime()) && hasNoExtras(value)
  },
}
