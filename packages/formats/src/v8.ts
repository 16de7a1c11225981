import { deserialize, serialize } from 'node:v8'
import { types } from 'node:util'
import type { Format } from '@hitbox/core'
import { decoding } from './failure.ts'
import { flatten } from './graph/flatten.ts'
import { restore } from './graph/restore.ts'
import { type CodecReach, hasNoExtras, isTree } from './tree.ts'

const ID = 'v8'
/** Before a graph; what V8 writes begins with 0xff. */
const GRAPH_HEAD = 0x67

/**
 * The serializer of the V8 engine: needs no dependency, and keeps the same as `cbor`.
 *
 * For bytes that only you write. V8 does not promise to read hostile bytes safely, and an older Node.js cannot read what a newer one
 * wrote. Use it for embedded stores and memory, not for shared ones.
 */
export const v8: Format = Object.freeze({
  id: ID,
  encode: (value: unknown): Uint8Array => {
    const plain = serializePlain(value)
    if (plain !== undefined) return plain
    const graph = serialize(flatten(value, ID))
    const bytes = new Uint8Array(graph.length + 1)
    bytes[0] = GRAPH_HEAD
    bytes.set(graph, 1)
    return bytes
  },
  decode: (bytes: Uint8Array): unknown =>
    decoding(ID, (): unknown => {
      if (bytes[0] !== GRAPH_HEAD) return deserialize(bytes)
      return restore(deserialize(bytes.subarray(1)))
    }),
})

function serializePlain(value: unknown): Uint8Array | undefined {
  try {
    return isTree(value, REACH) ? new Uint8Array(serialize(value)) : undefined
  } catch {
    return undefined // V8 takes no proxy; flattening reads it
  }
}

// Not binary data: what V8 gives back is a view on the input.
const REACH: CodecReach = {
  collections: true,
  isLeaf(value) {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Date.prototype) return types.isDate(value) && hasNoExtras(value)
    if (prototype !== RegExp.prototype || !types.isRegExp(value)) return false
    return value.lastIndex === 0 && hasNoExtras(value)
  },
}
